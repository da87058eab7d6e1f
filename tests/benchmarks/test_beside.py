import time

import httpx
import pytest

from benchmarks import beside as module
from benchmarks.beside import Beside


@pytest.fixture(autouse=True)
def pause(monkeypatch):
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.005)


def answer(status):
    return lambda _client: httpx.Response(status)


def refuse(_client):
    raise httpx.ConnectError("refused")


def late(_client):
    time.sleep(0.05)
    return httpx.Response(200)


def test_every_kind_is_sent_until_the_block_ends():
    with Beside({"good": answer(200), "bad": answer(503), "refused": refuse, "late": late}).watching() as seen:
        time.sleep(0.3)
    counted = {name: (one.sent, one.failed) for name, one in seen.items()}
    time.sleep(0.1)

    assert all(one.sent >= 1 for one in seen.values())
    assert seen["good"].failed == seen["late"].failed == 0
    assert seen["bad"].failed == seen["bad"].sent
    assert seen["refused"].failed == seen["refused"].sent
    assert seen["late"].slowest_ms >= 50
    assert counted == {name: (one.sent, one.failed) for name, one in seen.items()}


def test_a_new_connection_is_used_each_time():
    clients = []

    def keep(client):
        clients.append(client)
        return httpx.Response(200)

    with Beside({"probe": keep}).watching():
        until = time.monotonic() + 30
        while len(clients) < 2 and time.monotonic() < until:
            time.sleep(0.01)

    assert len(set(map(id, clients))) == len(clients) > 1
    assert all(client.is_closed for client in clients)
