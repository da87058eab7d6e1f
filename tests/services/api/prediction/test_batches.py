import asyncio
import threading

import pytest

from services.api.errors import BodyCutShort, Busy
from services.api.prediction.batches import Batches


class Request:
    def __init__(self, *, has_left=False):
        self.has_left = has_left

    async def is_disconnected(self):
        return self.has_left


@pytest.fixture
def gate():
    made = threading.Event()
    yield made
    made.set()


def test_more_than_may_wait_are_refused_and_the_others_are_done(gate):
    async def run():
        batches = Batches(concurrency=1, waiting=2)
        taken = [asyncio.create_task(batches.run(Request(), gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="come again"):
            await batches.run(Request(), gate.wait)
        gate.set()
        assert await asyncio.gather(*taken) == [True] * 3
        return await batches.run(Request(), gate.wait)

    assert asyncio.run(run()) is True


def test_work_of_a_client_that_left_while_it_waited_is_never_begun(gate):
    done = []

    async def run():
        batches = Batches(concurrency=1, waiting=1)
        first = asyncio.create_task(batches.run(Request(), gate.wait))
        second = asyncio.create_task(batches.run(Request(has_left=True), done.append, 1))
        await asyncio.sleep(0)
        gate.set()
        await first
        with pytest.raises(BodyCutShort):
            await second
        await batches.run(Request(), done.append, 2)

    asyncio.run(run())
    assert done == [2]


def test_work_whose_time_is_over_while_it_waited_is_never_begun(gate):
    done = []

    async def run():
        batches = Batches(concurrency=1, waiting=1)
        first = asyncio.create_task(batches.run(Request(), gate.wait))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await batches.run(Request(), done.append, 1)
        gate.set()
        await first
        await batches.run(Request(), done.append, 2)

    asyncio.run(run())
    assert done == [2]


def test_full_worker_refuses_many_rows_and_answers_few(make_client, make_settings, bearer, row, monkeypatch):
    client = make_client(make_settings(batch_concurrency=1, max_waiting_batches=0))
    monkeypatch.setattr(client.app.state.batches._free, "locked", lambda: True)

    many = client.post("/v1/predict", json={"rows": [row] * 17}, headers=bearer())
    few = client.post("/v1/predict", json={"rows": [row]}, headers=bearer())

    assert (many.status_code, many.headers["retry-after"], many.json()["code"]) == (503, "1", "busy")
    assert few.status_code == 200
    assert client.get("/readyz").status_code == 200
