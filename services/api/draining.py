"""SIGTERM, known to every worker before any of them ends: the parent sets it, all read it."""

from __future__ import annotations

import mmap

__all__ = ["Drain"]


class Drain:
    """A byte of memory that processes share. Made before the workers are forked; reading it costs nothing."""

    def __init__(self) -> None:
        """Begin in service."""
        self._memory = mmap.mmap(-1, 1)

    @property
    def begun(self) -> bool:
        """Whether this process is to end soon: no new traffic should come, and connections should not be kept."""
        return self._memory[0] != 0

    def begin(self) -> None:
        """Tell everybody."""
        self._memory[0] = 1
