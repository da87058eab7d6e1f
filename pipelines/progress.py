"""Progress bars on a terminal; a few lines in a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipelines.console import console

__all__ = ["Advance", "progress_bar"]

LOG_LINES = 5


class Advance(Protocol):
    """Called once per step, with a short note."""

    def __call__(self, note: str = "") -> None:
        """Advance by one step."""
        ...


@contextmanager
def progress_bar(title: str, total: int) -> Iterator[Advance]:
    """Show the progress of a loop of ``total`` steps."""
    if console.is_terminal:
        with _bar() as bar:
            task = bar.add_task(title, total=total, note="")

            def advance(note: str = "") -> None:
                bar.update(task, advance=1, note=note)

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


def _log_lines(title: str, total: int) -> Advance:
    done = 0

    def advance(note: str = "") -> None:
        nonlocal done
        done += 1
        if done * LOG_LINES // total != (done - 1) * LOG_LINES // total:
            console.print(f"{title} {done}/{total} {note}".rstrip())

    return advance
