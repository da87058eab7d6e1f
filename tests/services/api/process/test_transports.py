import asyncio
import socket
import struct

import pytest
import uvloop

from services.api.process.transports import DroppingTransport

RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset."""


async def write_after_a_reset(wrap):
    """Accept a client, let it reset the connection, and write in the turn in which uvloop has closed the transport."""
    loop, accepted = asyncio.get_running_loop(), asyncio.Queue()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport):
            accepted.put_nowait(transport)

    server = await loop.create_server(Protocol, "127.0.0.1", 0)
    client = socket.create_connection(server.sockets[0].getsockname())
    transport = await accepted.get()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()
    while not transport.is_closing():
        await asyncio.sleep(0.01)
    try:
        wrap(transport).write(b"late")
        return wrap(transport).get_extra_info("peername")
    finally:
        server.close()
        await asyncio.sleep(0.05)  # the protocol hears of the end


def test_uvloop_raises_on_a_transport_that_the_client_has_reset():
    with pytest.raises(RuntimeError, match="the handler is closed"):
        uvloop.run(write_after_a_reset(lambda transport: transport))


def test_what_is_written_then_is_dropped():
    assert uvloop.run(write_after_a_reset(DroppingTransport))[0] == "127.0.0.1"
