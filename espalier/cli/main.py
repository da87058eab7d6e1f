"""The command's entry: which commands there are, and how an expected failure ends."""

from __future__ import annotations

import signal
import sys
from importlib.metadata import version
from types import FrameType
from typing import Annotated

import httpx
import typer
from rich.markup import escape

from bundle import ExpectedError
from espalier.cli import (
    cluster,
    data,
    demo,
    feedback,
    init,
    keys,
    load,
    models,
    predict,
    score,
    serve,
    simulate,
    token,
    train,
    tune,
    users,
)
from espalier.cli.output import console, say

__all__ = ["main"]


def _say_version(wanted: bool) -> None:
    if wanted:
        console.print(f"espalier {version('espalier')}")
        raise typer.Exit


app = typer.Typer(
    name="espalier",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
app.add_typer(users.app, name="users")
app.add_typer(cluster.app, name="cluster")
app.add_typer(models.app, name="models")
app.command("init")(init.init)
app.command("train")(train.train)
app.command("gate")(train.gate)
app.command("simulate-gate")(simulate.simulate_gate)
app.command("tune")(tune.tune)
app.command("promote")(models.promote)
app.command("rollback")(models.rollback)
app.command("serve")(serve.serve)
app.command("token")(token.token)
app.command("predict")(predict.predict)
app.command("score")(score.score)
app.command("feedback")(feedback.feedback)
app.command("load")(load.load)
app.command("keys")(keys.keys)
app.command("demo")(demo.demo)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train, register and serve models for tabular data.

    Start with: espalier demo, or with your own table: espalier init TABLE.csv --target COLUMN
    """


def main() -> None:
    """Run a command; an expected failure is one line and an exit code."""
    signal.signal(signal.SIGTERM, _end)
    try:
        app()
    except ExpectedError as error:
        _fail(str(error), error.exit_code)
    except httpx.HTTPError as error:
        _fail(str(error) or type(error).__name__, 1)
    except KeyboardInterrupt:
        _fail("interrupted", 130)


def _fail(text: str, code: int) -> None:
    say(f"[bold red]espalier:[/] {escape(text)}")
    sys.exit(code)


def _end(number: int, _frame: FrameType | None) -> None:
    # As an exception, so that every server started here is ended on the way out.
    sys.exit(128 + number)
