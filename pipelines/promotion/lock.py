"""A lock for one promotion at a time, held from the comparison in the gate to the last alias.

Without it, two runs could compare with the same champion and both be promoted (docs/adr/0014).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pipelines.config.settings import Settings
from pipelines.console import console
from pipelines.errors import PromotionLocked

__all__ = ["PromotionLock", "file_lock", "promotion_lock"]

SLICE_SECONDS = 0.2


class PromotionLock(Protocol):
    """A lock that is held and can be lost."""

    def check(self) -> None:
        """Do nothing while the lock is held; called before every write of an alias or an annotation.

        Raises:
            PromotionLocked: it is no longer held, so nothing may be written.
        """
        ...


def promotion_lock(settings: Settings) -> AbstractContextManager[PromotionLock]:
    """Return the lock for PIPELINE_ROLLOUT: a Lease in the cluster, or a file on this machine.

    Raises:
        PromotionLocked: on entering, if another run holds it for longer than PIPELINE_LOCK_WAIT_SECONDS.
    """
    if settings.rollout == "none":
        return file_lock(settings.lock_file, settings.lock_wait_seconds)
    from pipelines.promotion.lease import lease_lock

    return lease_lock(settings)


@contextmanager
def file_lock(path: Path, wait_seconds: float) -> Iterator[PromotionLock]:
    """Lock a file; the operating system releases it when the process terminates, even if it is killed."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(path), path.with_name(f"{path.name}.holder")
    deadline, reported = time.monotonic() + wait_seconds, False
    while not lock.is_locked:
        try:
            lock.acquire(timeout=min(SLICE_SECONDS, wait_seconds))
        except Timeout:
            if time.monotonic() >= deadline:
                raise PromotionLocked(
                    f"another promotion is running: {path} has been held for more than {wait_seconds:.0f} s by "
                    f"{_holder(holder)}; wait until it finishes, or stop it"
                ) from None
            if not reported:
                reported = True
                console.print(f"waiting for another promotion: {path} is held by {_holder(holder)}")
    try:
        holder.write_text(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        yield _Held()
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


class _Held:
    """A file lock: it cannot be lost while its process runs."""

    def check(self) -> None:
        """Do nothing: the lock is held."""


def _holder(note: Path) -> str:
    try:
        return note.read_text()
    except OSError:  # the holder has just started or just finished
        return "another process"
