"""A flag in shared memory: the parent sets it on SIGTERM, before it stops any worker, and all workers read it."""

from __future__ import annotations

import mmap

__all__ = ["Drain"]


class Drain:
    """One byte of shared memory, created before the workers are forked. Reading it costs nothing."""

    def __init__(self) -> None:
        """Start in service."""
        self._memory = mmap.mmap(-1, 1)

    @property
    def is_draining(self) -> bool:
        """Whether the process will stop soon: it is not ready, and connections are not kept alive."""
        return self._memory[0] != 0

    def start(self) -> None:
        """Set the flag."""
        self._memory[0] = 1
