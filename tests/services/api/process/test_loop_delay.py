import asyncio
import time

import pytest
import uvloop

from services.api.process.loop_delay import LoopDelay

WORK = 0.05
"""Seconds of work that keep the loop."""


@pytest.fixture(params=[asyncio.SelectorEventLoop, uvloop.Loop])
def loop(request):
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def delay():
    return LoopDelay()


def work():
    end = time.thread_time() + WORK
    while time.thread_time() < end:
        pass


def measured(loop, step):
    """Return what step measures as it is called with each of two requests that arrive together."""

    async def run():
        loop.call_soon(step)
        loop.call_soon(step)
        await asyncio.sleep(0.01)

    loop.run_until_complete(run())


def test_request_has_waited_for_those_that_were_read_with_it(loop, delay):
    waits = []

    def step():
        waits.append(delay.seconds(loop))
        work()

    measured(loop, step)

    assert waits[0] < WORK <= waits[1]


def test_request_has_waited_for_tasks_that_ran_before_it_was_read(loop, delay):
    waits = []

    async def run():
        waits.append(delay.seconds(loop))
        await asyncio.sleep(0)  # the callback of the measurement runs
        work()
        waits.append(delay.seconds(loop))

    loop.run_until_complete(run())

    assert waits[0] < WORK <= waits[1]


def test_time_without_work_is_not_a_wait(loop, delay):
    waits = []

    async def run():
        for _ in range(3):
            waits.append(delay.seconds(loop))
            await asyncio.sleep(2 * WORK)

    loop.run_until_complete(run())

    assert max(waits) < WORK


def test_earlier_work_is_not_a_wait(loop, delay):
    """The loop has asked for data since."""
    waits = []

    async def run():
        waits.append(delay.seconds(loop))
        for _ in range(3):
            work()
            await asyncio.sleep(0.01)
        waits.append(delay.seconds(loop))

    loop.run_until_complete(run())

    assert max(waits) < WORK


def test_nothing_runs_when_nothing_is_read(loop, delay):
    async def run():
        delay.seconds(loop)
        await asyncio.sleep(0.01)
        return delay._since

    assert loop.run_until_complete(run()) is None
