"""Run a stage as a process: an expected failure prints one line and sets the exit code, without a traceback."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Callable
from types import FrameType

from rich.markup import escape

from bundle import ExpectedError
from pipelines.console import console

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
        console.print(f"[bold red]{name} failed:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # the parent process reports it
        sys.exit(INTERRUPTED)
    console.print(f"[bold green]{name}[/] {escape(summary)}", soft_wrap=True)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
