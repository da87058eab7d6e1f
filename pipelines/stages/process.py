"""Run a stage as a process: an expected failure prints one line and sets the exit code, without a traceback."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from rich.markup import escape

from bundle import ExpectedError
from pipelines.console import console
from pipelines.errors import DiskFull

__all__ = ["INTERRUPTED", "run_stage"]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as in a shell: 128 + the signal number."""


def run_stage(name: str, main: Callable[[], str]) -> None:
    """Call ``main``, print the line that it returns, and exit with 0 or the failure's code.

    SIGTERM raises SystemExit, so that an MLflow run is closed and a rollout reverted before the process exits.
    """
    before = signal.signal(signal.SIGTERM, _end)
    try:
        _run(name, main)
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(name: str, main: Callable[[], str]) -> None:
    warnings.filterwarnings("ignore", category=FutureWarning, module="mlflow")
    try:
        summary = main()
    except ExpectedError as error:
        _fail(name, error)
    except OSError as error:
        if not DiskFull.is_meant_by(error):
            raise
        where = f": {error.filename}" if error.filename else ""
        _fail(
            name,
            DiskFull(
                f"no space left on the disk{where}; delete what is not needed, or give the Job a larger volume "
                "(training.workSize), then run it again"
            ),
        )
    except KeyboardInterrupt:  # the parent process reports it
        sys.exit(INTERRUPTED)
    console.print(f"[bold green]{name}[/] {escape(summary)}", soft_wrap=True)


def _fail(name: str, error: ExpectedError) -> NoReturn:
    console.print(f"[bold red]{name} failed:[/] {escape(str(error))}", soft_wrap=True)
    sys.exit(error.exit_code)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
