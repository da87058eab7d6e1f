import asyncio
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack

import pytest

from services.api.errors import BodyCutShort, Busy
from services.api.prediction.batches import Batches, Cost

FREE = Cost("free", 0)
FEW_ROWS = 128
"""That the event loop predicts in these tests."""

PATIENCE = 10
"""Timeout in seconds."""


class Request:
    def __init__(self, *, has_left=False):
        self.has_left = has_left

    async def is_disconnected(self):
        return self.has_left


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    monkeypatch.setattr("services.api.app.measure_inline_rows", lambda _model: FEW_ROWS)


@pytest.fixture
def gate():
    made = threading.Event()
    yield made
    made.set()


def test_requests_beyond_the_queue_are_refused(gate):
    async def run():
        batches = Batches(concurrency=1, waiting=2)
        taken = [asyncio.create_task(batches.run(Request(), FREE, gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="retry in a second"):
            await batches.run(Request(), FREE, gate.wait)
        gate.set()
        assert await asyncio.gather(*taken) == [True] * 3
        return await batches.run(Request(), FREE, gate.wait)

    assert asyncio.run(run()) is True


@pytest.mark.parametrize(("rows", "is_refused"), [(9, False), (11, True)])
def test_request_that_would_wait_too_long_is_refused(gate, rows, is_refused):
    """Ten rows take the limit. The first request is not refused, however long it takes."""
    refused = []

    async def run():
        batches = Batches(concurrency=1, waiting=9, wait_seconds=100, on_refused=lambda: refused.append(1))
        batches._learn(Cost("rows", 1), 10)
        first = asyncio.create_task(batches.run(Request(), Cost("rows", rows), gate.wait))
        await asyncio.sleep(0)
        second = asyncio.create_task(batches.run(Request(), Cost("rows", 1), gate.wait))
        await asyncio.sleep(0)
        gate.set()
        await first
        if is_refused:
            with pytest.raises(Busy, match="retry in a second"):
                await second
        else:
            assert await second
        assert batches._expected == 0
        return await batches.run(Request(), Cost("rows", rows), gate.wait)

    assert asyncio.run(run()) is True
    assert len(refused) == is_refused


def test_cost_is_measured_for_each_kind_of_work():
    async def run():
        batches = Batches(concurrency=1, waiting=1)
        await batches.run(Request(), Cost("bytes", 1000), time.sleep, 0.05)
        await batches.run(Request(), Cost("rows", 1), time.sleep, 0.05)
        return batches._measured

    measured = asyncio.run(run())
    assert measured["bytes"] * 1000 >= 0.05
    assert measured["rows"] >= 0.05


def test_cost_follows_what_is_measured():
    batches = Batches(concurrency=1, waiting=1)
    for _ in range(30):
        batches._learn(Cost("rows", 10), 1)
    for _ in range(30):
        batches._learn(Cost("rows", 10), 2)

    assert batches._measured["rows"] == pytest.approx(0.2, rel=0.01)


def test_work_of_a_disconnected_client_is_never_started(gate):
    done = []

    async def run():
        batches = Batches(concurrency=1, waiting=1)
        first = asyncio.create_task(batches.run(Request(), FREE, gate.wait))
        second = asyncio.create_task(batches.run(Request(has_left=True), FREE, done.append, 1))
        await asyncio.sleep(0)
        gate.set()
        await first
        with pytest.raises(BodyCutShort):
            await second
        await batches.run(Request(), FREE, done.append, 2)

    asyncio.run(run())
    assert done == [2]


def test_work_of_a_timed_out_request_is_never_started(gate):
    done = []

    async def run():
        batches = Batches(concurrency=1, waiting=1)
        first = asyncio.create_task(batches.run(Request(), FREE, gate.wait))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await batches.run(Request(), FREE, done.append, 1)
        gate.set()
        await first
        await batches.run(Request(), FREE, done.append, 2)

    asyncio.run(run())
    assert done == [2]


def test_full_worker_refuses_many_rows_and_answers_few(
    make_client, make_settings, bearer, row, model, gate, monkeypatch
):
    has_begun, predict = threading.Event(), type(model).predict

    def predict_late(self, matrix):
        if len(matrix) > FEW_ROWS:
            has_begun.set()
            gate.wait(PATIENCE)
        return predict(self, matrix)

    monkeypatch.setattr(type(model), "predict", predict_late)

    def ask(rows):
        return client.post("/v1/predict", json={"rows": [row] * rows}, headers=bearer())

    with make_client(make_settings(batch_concurrency=1, max_waiting_batches=0)) as client, ThreadPoolExecutor() as pool:
        first = pool.submit(ask, FEW_ROWS + 1)
        assert has_begun.wait(PATIENCE)
        many, few, ready = ask(FEW_ROWS + 1), ask(1), client.get("/readyz")
        gate.set()

        assert (many.status_code, many.headers["retry-after"], many.json()["code"]) == (503, "1", "busy")
        assert (few.status_code, ready.status_code) == (200, 200)
        assert first.result(PATIENCE).status_code == 200


def test_worker_predicts_two_large_requests_at_a_time_and_lets_sixteen_wait(
    make_client, settings, bearer, row, model, gate, monkeypatch
):
    """Half of them are of more rows than the event loop predicts, half are of one row with an explanation."""
    begun, predict, headers = threading.Semaphore(0), type(model).predict, bearer()

    def predict_late(self, matrix):
        if len(matrix) != FEW_ROWS:
            begun.release()
            gate.wait(PATIENCE)
        return predict(self, matrix)

    def ask(rows):
        parameters = {"explain": str(rows == 1)}
        return client.post("/v1/predict", params=parameters, json={"rows": [row] * rows}, headers=headers)

    monkeypatch.setattr(type(model), "predict", predict_late)
    with make_client(settings) as client, ThreadPoolExecutor(19) as pool, ExitStack() as end:
        end.callback(gate.set)  # a failed test must not wait for the threads
        asked = [pool.submit(ask, (FEW_ROWS + 1, 1)[number % 2]) for number in range(19)]
        (refused,), _ = wait(asked, PATIENCE, FIRST_COMPLETED)
        small = ask(FEW_ROWS)
        at_once = [begun.acquire(timeout=seconds) for seconds in (PATIENCE, PATIENCE, 0.1)]
        gate.set()

        assert (refused.result().status_code, refused.result().headers["retry-after"]) == (503, "1")
        assert (small.status_code, at_once) == (200, [True, True, False])
        assert sorted(one.result(PATIENCE).status_code for one in asked) == [200] * 18 + [503]
