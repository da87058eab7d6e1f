"""Progress bars on a terminal; a few lines in a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipelines.console import console

__all__ = ["Advance", "progress_bar", "shown"]

LOG_LINES = 5

MANY_ROWS = 1_000_000
"""Reading as many takes about a second."""

Piece = TypeVar("Piece", bound=Sized)


class Advance(Protocol):
    """Called once per step, with a short note."""

    def __call__(self, note: str = "") -> None:
        """Advance by one step."""
        ...


class _AdvanceBy(Protocol):
    def __call__(self, note: str = "", steps: int = 1) -> None: ...


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Advance]:
    """Show the progress of a loop of ``total`` steps."""
    with _advancing(title, total) as advance:
        yield advance


def shown(pieces: Iterable[Piece], title: str, rows: int) -> Iterator[Piece]:
    """Yield pieces of rows, and show how many rows are done; nothing if there are few.

    Args:
        rows: of all pieces.
    """
    if rows < MANY_ROWS:
        yield from pieces
        return
    with _advancing(title, rows) as advance:
        for piece in pieces:
            yield piece
            advance(steps=len(piece))


@contextmanager
def _advancing(title: str, total: int) -> Iterator[_AdvanceBy]:
    if console.is_terminal:
        with _bar() as bar:
            task = bar.add_task(title, total=total, note="")

            def advance(note: str = "", steps: int = 1) -> None:
                bar.update(task, advance=steps, note=note)

            yield advance
    else:
        yield _log_lines(title, total)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
    )


def _log_lines(title: str, total: int) -> _AdvanceBy:
    done = 0

    def advance(note: str = "", steps: int = 1) -> None:
        nonlocal done
        before, done = done, done + steps
        if done * LOG_LINES // total != before * LOG_LINES // total:
            console.print(f"{title} {done}/{total} {note}".rstrip())

    return advance
