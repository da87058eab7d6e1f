import asyncio

import pytest

from services.api.auth.hashing_slots import HashSlots
from services.api.errors import Busy

PATIENCE = 10
"""Timeout in seconds."""


def run(work):
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


async def hold(slots, done, *, is_known=False):
    async with slots.take(is_known=is_known):
        await done.wait()


async def running(*work):
    tasks = [asyncio.create_task(one) for one in work]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def test_one_slot_is_reserved_for_known_callers():
    async def go():
        slots, done = HashSlots(3), asyncio.Event()
        tasks = await running(*(hold(slots, done) for _ in range(2)))
        with pytest.raises(Busy):
            await hold(slots, done)
        tasks += await running(hold(slots, done, is_known=True))
        done.set()
        await asyncio.gather(*tasks)

    run(go())


def test_known_callers_wait_in_a_bounded_queue():
    async def go():
        slots, done = HashSlots(1), asyncio.Event()
        tasks = await running(*(hold(slots, done, is_known=True) for _ in range(1 + 32)))
        with pytest.raises(Busy) as caught:
            await hold(slots, done, is_known=True)
        done.set()
        await asyncio.gather(*tasks)
        return caught.value.retry_after_seconds

    assert run(go()) == 1


def test_slot_is_released_after_errors_and_disconnects():
    async def go():
        slots, never = HashSlots(1), asyncio.Event()
        with pytest.raises(ZeroDivisionError):
            async with slots.take(is_known=True):
                raise ZeroDivisionError
        tasks = await running(*(hold(slots, never, is_known=True) for _ in range(3)))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with slots.take(is_known=False):
            return True

    assert run(go())


@pytest.mark.parametrize(("count", "for_anybody"), [(1, 1), (2, 1), (3, 2)])
def test_unknown_callers_get_all_slots_but_one(count, for_anybody):
    async def go():
        slots, done = HashSlots(count), asyncio.Event()
        tasks = await running(*(hold(slots, done) for _ in range(for_anybody)))
        with pytest.raises(Busy, match=r"^too many passwords are being checked; retry in a second$"):
            await hold(slots, done)
        done.set()
        await asyncio.gather(*tasks)

    run(go())
