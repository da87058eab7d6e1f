import asyncio

import pytest

from services.api.auth.lookups import MAX_LOOKUPS, Lookups


def test_few_queries_run_at_a_time(monkeypatch):
    running, most = 0, 0

    async def slow(query, *arguments):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return query(*arguments)

    monkeypatch.setattr("services.api.auth.lookups.run_in_threadpool", slow)

    async def flood():
        lookups = Lookups()
        return await asyncio.gather(*(lookups.run(pow, 2, number) for number in range(4 * MAX_LOOKUPS)))

    assert asyncio.run(flood()) == [2**number for number in range(4 * MAX_LOOKUPS)]
    assert most == MAX_LOOKUPS


def test_failed_query_makes_room_for_the_next():
    def fail():
        raise ValueError

    async def flood():
        lookups = Lookups()
        for _ in range(2 * MAX_LOOKUPS):
            with pytest.raises(ValueError):
                await lookups.run(fail)

    asyncio.run(asyncio.wait_for(flood(), 10))
