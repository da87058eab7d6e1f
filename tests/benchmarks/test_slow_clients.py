import socket
import threading
import time

import pytest

from benchmarks import slow_clients as module
from benchmarks.slow_clients import slow_clients


@pytest.fixture(autouse=True)
def pause(monkeypatch):
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.05)


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.settimeout(5)
        yield opened


def test_clients_send_byte_by_byte_and_come_back(listening):
    with slow_clients(3, listening.getsockname()[1]):
        first = [listening.accept()[0] for _ in range(3)]
        time.sleep(0.3)
        sent = first[0].recv(1000)
        first[0].close()
        again, _ = listening.accept()
        assert again.recv(1) == b"P"

    assert module.HEAD.startswith(sent)
    assert 1 < len(sent) < len(module.HEAD)
    assert b"".join(iter(lambda: first[1].recv(1000), b"")).startswith(b"POST ")  # it ended with the block
    for connection in (*first, again):
        connection.close()


def test_none_are_opened_if_none_are_asked_for():
    before = threading.active_count()
    with slow_clients(0, 1):
        pass

    assert threading.active_count() == before
