import asyncio
import os
import sys
import threading
from contextvars import ContextVar

import pytest

from services.api.auth.passwords.hashing_slots import HashSlots
from services.api.errors import Busy

PATIENCE = 10
"""Timeout in seconds."""


def run(work):
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


async def hold(slots, done, *, is_known=False):
    await slots.run(done.wait, is_known=is_known)


async def running(*work):
    tasks = [asyncio.create_task(one) for one in work]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def test_one_slot_is_reserved_for_known_callers():
    async def go():
        slots, done = HashSlots(3), threading.Event()
        tasks = await running(*(hold(slots, done) for _ in range(2)))
        with pytest.raises(Busy):
            await hold(slots, done)
        tasks += await running(hold(slots, done, is_known=True))
        done.set()
        await asyncio.gather(*tasks)

    run(go())


def test_known_callers_wait_in_a_bounded_queue():
    async def go():
        slots, done = HashSlots(1), threading.Event()
        tasks = await running(*(hold(slots, done, is_known=True) for _ in range(1 + 32)))
        with pytest.raises(Busy) as caught:
            await hold(slots, done, is_known=True)
        done.set()
        await asyncio.gather(*tasks)
        return caught.value.retry_after_seconds

    assert run(go()) == 1


def test_slot_is_released_after_errors_and_disconnects():
    async def go():
        slots, late = HashSlots(1), threading.Event()
        with pytest.raises(ZeroDivisionError):
            await slots.run(divmod, 1, 0, is_known=True)
        tasks = await running(*(hold(slots, late, is_known=True) for _ in range(3)))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        late.set()  # the thread of the first one was still hashing
        return await slots.run(divmod, 7, 2, is_known=False)

    assert run(go()) == (3, 1)


@pytest.mark.parametrize(("count", "for_anybody"), [(1, 1), (2, 1), (3, 2)])
def test_unknown_callers_get_all_slots_but_one(count, for_anybody):
    async def go():
        slots, done = HashSlots(count), threading.Event()
        tasks = await running(*(hold(slots, done) for _ in range(for_anybody)))
        with pytest.raises(Busy, match=r"^too many passwords are being checked; retry in a second$"):
            await hold(slots, done)
        done.set()
        await asyncio.gather(*tasks)

    run(go())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
def test_hashing_has_a_lower_priority_than_the_event_loop():
    def niceness():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    async def go():
        before = niceness()
        return before, await HashSlots(2).run(niceness, is_known=True), niceness()

    before, hashing, after = run(go())
    assert before == after
    assert hashing == 10


def test_hashing_sees_the_context_of_its_request():
    request = ContextVar("request")

    async def go():
        request.set("one")
        return await HashSlots(1).run(request.get, is_known=True)

    assert run(go()) == "one"
