"""Run one stage as a process: an expected failure is one line and an exit code, never a traceback."""

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
"""As a shell says of a command that Ctrl-C ended: 128 and the signal's number."""


def run_stage(name: str, main: Callable[[], str]) -> None:
    """Call ``main``, print the line that it returns, and exit with 0 or the failure's code.

    SIGTERM ends it as an exception does: what is begun in MLflow or in a rollout is ended or taken back on the way out.
    """
    before = signal.signal(signal.SIGTERM, _end)
    try:
        _run(name, main)
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(name: str, main: Callable[[], str]) -> None:
    warnings.filterwarnings("ignore", category=FutureWarning, module="mlflow")
    try:
        said = main()
    except ExpectedError as error:
        console.print(f"[bold red]{name} failed:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # whoever started the pipeline says it
        sys.exit(INTERRUPTED)
    console.print(f"[bold green]{name}[/] {escape(said)}", soft_wrap=True)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
