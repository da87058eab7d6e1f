"""Is another training still holding the workers? XGBoost locks them on the scheduler while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipelines.config.settings import Settings
from pipelines.dask_engine.workers import Worker
from pipelines.errors import Unreachable

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["check_lock"]


def check_lock(client: Client, workers: Sequence[Worker], settings: Settings) -> None:
    """See that XGBoost will get its lock of these workers.

    A training that was killed leaves its lock on the scheduler for ever. If no other client is connected, nobody can
    hold one, and locks that are there are released.

    Raises:
        Unreachable: another training holds it at the end of the waiting time.
    """
    from distributed import MultiLock

    client.run_on_scheduler(_release_of_the_dead())
    lock = MultiLock([worker.address for worker in workers], client)
    if not lock.acquire(timeout=settings.dask_wait_seconds):
        raise Unreachable(
            f"another training holds the workers of the Dask scheduler at {settings.dask_address} for more than "
            f"{settings.dask_wait_seconds:g} s (PIPELINE_DASK_WAIT_SECONDS): wait for it; if there is none, restart "
            "the scheduler, which then forgets the locks of a training that was killed"
        )
    lock.release()


def _release_of_the_dead() -> Any:
    """Return a function for the scheduler; made here, it is sent by value."""

    def release(dask_scheduler: Any = None) -> None:
        clients = [name for name in dask_scheduler.clients if name.startswith("Client-")]
        locks = dask_scheduler.extensions["multi_locks"]
        if len(clients) == 1:  # ours
            for user in list(locks.requests):
                locks.release(id=user)

    return release
