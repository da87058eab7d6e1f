import asyncio
import errno
import socket
import threading
import time
from typing import ClassVar

import pytest

from services.api.process import accepting
from services.api.process.accepting import AcceptingServer
from services.api.process.worker import BoundedLoop

WAITING = 40


class Protocol(asyncio.Protocol):
    """Counts what the loop tells it."""

    made, shut = 0, 0
    transports: ClassVar = []

    def connection_made(self, transport):
        type(self).made += 1
        self.transport = transport
        self.transports.append(transport)

    def data_received(self, data):
        self.transport.write(data)

    def shutdown(self):
        type(self).shut += 1
        self.transport.close()


@pytest.fixture
def protocol():
    return type("Counted", (Protocol,), {"made": 0, "shut": 0})


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0), backlog=2 * WAITING) as opened:
        yield opened


@pytest.fixture
def loop():
    made = BoundedLoop(1.0)
    yield made
    for transport in Protocol.transports:
        transport.abort()
    Protocol.transports.clear()
    made.run_until_complete(asyncio.sleep(0.01))
    made.close()


@pytest.fixture
def connect(listening):
    opened = []

    def run():
        opened.append(socket.create_connection(listening.getsockname(), timeout=5))
        return opened[-1]

    yield run
    for one in opened:
        one.close()


def test_all_waiting_connections_are_accepted_at_once(loop, listening, protocol, connect):
    """A loaded event loop looks a few times a second: one connection each time would be too few."""
    for _ in range(WAITING):
        connect()

    async def run():
        server = await loop.create_server(protocol, sock=listening, backlog=2 * WAITING)
        for _ in range(3):  # the loop looks, runs the tasks of the new connections, and is done
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        made = protocol.made
        server.close()
        await server.wait_closed()
        return made

    looks, accept = [], AcceptingServer._accept
    AcceptingServer._accept = lambda self: looks.append(1) or accept(self)
    try:
        assert loop.run_until_complete(run()) == WAITING
    finally:
        AcceptingServer._accept = accept
    assert len(looks) == 1


def test_closed_server_accepts_no_more(loop, listening, protocol, connect):
    async def run():
        server = await loop.create_server(protocol, sock=listening, backlog=8)
        server.close()
        server.close()
        connect()
        await asyncio.sleep(0.05)

    loop.run_until_complete(run())

    assert protocol.made == 0


def test_connection_that_completes_after_closing_is_told_so(loop, listening, protocol, connect):
    async def run():
        server = await loop.create_server(protocol, sock=listening, backlog=8)
        connect()
        server._accept()
        server.close()
        await asyncio.sleep(0.05)

    loop.run_until_complete(run())

    assert (protocol.made, protocol.shut) == (1, 1)


def test_failure_to_accept_is_repeated_later(loop, listening, protocol, connect, monkeypatch, caplog):
    monkeypatch.setattr(accepting, "PAUSE_SECONDS", 0.05)
    failures = [1]

    class Failing:
        """A listening socket when the process has too many open files."""

        def fileno(self):
            return listening.fileno()

        def setblocking(self, flag):
            listening.setblocking(flag)

        def accept(self):
            if failures:
                failures.pop()
                raise OSError(errno.EMFILE, "Too many open files")
            return listening.accept()

    async def run():
        server = AcceptingServer(loop, Failing(), lambda taken: loop.connect_accepted_socket(protocol, taken))
        connect()
        await asyncio.sleep(0.03)
        before = protocol.made
        await asyncio.sleep(0.3)
        server.close()
        return before

    assert loop.run_until_complete(run()) == 0
    assert protocol.made == 1
    assert [record.reason for record in caplog.records] == ["Too many open files"]


def test_client_that_leaves_before_its_handshake_is_forgotten(loop, listening, protocol, connect):
    left = []

    async def refuse(taken):
        left.append(taken)
        raise ConnectionResetError

    async def run():
        server = AcceptingServer(loop, listening, refuse)
        connect()
        await asyncio.sleep(0.05)
        server.close()
        return server._tasks

    assert loop.run_until_complete(run()) == set()
    assert left[0].fileno() == -1


def test_answers_are_not_delayed_to_fill_a_packet(loop, listening, protocol, connect):
    client = connect()
    nodelay = []

    async def run():
        server = await loop.create_server(lambda: made.append(protocol()) or made[-1], sock=listening, backlog=8)
        await asyncio.sleep(0.05)
        taken = made[0].transport.get_extra_info("socket")
        nodelay.append(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        server.close()

    made = []
    loop.run_until_complete(run())

    assert client.fileno() > 0
    assert nodelay[0] != 0


def test_busy_loop_still_serves_a_new_connection(serve):
    """Five connections keep the loop; a probe on a new one is answered next."""
    connect = serve()
    end = time.monotonic() + 1

    def keep_busy(connection):
        request = b"POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        while time.monotonic() < end:
            connection.sendall(request)
            connection.recv(1000)

    threads = [threading.Thread(target=keep_busy, args=(connect(),)) for _ in range(5)]
    for thread in threads:
        thread.start()
    opened = [connect() for _ in range(WAITING)]
    for connection in opened:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    for thread in threads:
        thread.join()
