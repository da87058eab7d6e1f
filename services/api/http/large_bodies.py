"""Limit how many large bodies are in memory at a time."""

from __future__ import annotations

from types import TracebackType

from services.api.errors import Busy

__all__ = ["LargeBodies", "Place"]


class LargeBodies:
    """The large bodies of one worker, from their first bytes until their rows are predicted."""

    def __init__(self, *, at_a_time: int) -> None:
        """Allow a number of them."""
        self.free = at_a_time

    def place(self) -> Place:
        """Return a place for one body, which is given back at the end of its ``with`` block."""
        return Place(self)


class Place:
    """A place for one body. It is taken only if the body turns out to be large."""

    def __init__(self, bodies: LargeBodies) -> None:
        """Prepare it."""
        self._bodies, self._is_taken = bodies, False

    def take(self) -> None:
        """Take the place, or keep it.

        Raises:
            Busy: all places are taken.
        """
        if self._is_taken:
            return
        if not self._bodies.free:
            raise Busy("too many large bodies are in progress; retry in a second, or send fewer rows in a request")
        self._bodies.free -= 1
        self._is_taken = True

    def __enter__(self) -> Place:
        """Return the place itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the place back."""
        self._bodies.free += self._is_taken
        self._is_taken = False
