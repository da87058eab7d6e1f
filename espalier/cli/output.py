"""Output of the commands: text for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bundle import ExpectedError

__all__ = ["CommandFailed", "JsonOption", "ProjectOption", "StateOption", "console", "print_json", "print_table", "say"]

console = Console(highlight=False)
_aside = Console(stderr=True, highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
StateOption = Annotated[
    Path,
    typer.Option("--state", envvar="ESPALIER_STATE", help="Folder with registry, keys, certificate and users."),
]


def _enter(folder: Path | None) -> Path | None:
    if folder is not None:
        from espalier.local.project import enter_project

        enter_project(folder)
    return folder


ProjectOption = Annotated[
    Path | None,
    typer.Option(
        callback=_enter,
        is_eager=True,
        help="Folder of a project of its own (docs/projects.md); other paths are relative to it, as with git -C.",
    ),
]


class CommandFailed(ExpectedError):
    """A command failed."""


def say(text: str) -> None:
    """Print a message to standard error."""
    _aside.print(text, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print the result as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print the result as a table."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
