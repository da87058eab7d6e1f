"""The command line of the soak: ``python -m benchmarks.soak``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from benchmarks.alone import alone
from benchmarks.errors import BenchmarkFailed
from benchmarks.soak.page import table, write_page
from benchmarks.soak.report import problems_of, read_report, write_report
from benchmarks.soak.run import Plan, soak
from benchmarks.visit import Cores
from bundle import ExpectedError

__all__ = ["main"]

CACHE = Path(".cache/bench")
RESULT = Path("benchmarks/soak.json")
EXIT_FAILED = 3

_aside = Console(stderr=True, highlight=False)


def main(  # noqa: PLR0913, PLR0917 - each is an option
    requests: Annotated[int, typer.Option(min=1000, help="How many.")] = 1_000_000,
    round_requests: Annotated[int, typer.Option(min=1000, help="On one token and the same connections.")] = 50_000,
    sample_seconds: Annotated[float, typer.Option(min=0.1, help="Between two samples.")] = 5,
    python: Annotated[str, typer.Option(help="Version of Python.")] = "3.13",
    server_core: Annotated[int, typer.Option(min=0, help="Core of the server.")] = 0,
    load_core: Annotated[int, typer.Option(min=0, help="Core of the load program.")] = 1,
    output: Annotated[Path, typer.Option(help="Write the result to this file.")] = CACHE / "soak.json",
    write_docs: Annotated[
        bool, typer.Option("--write-docs", help=f"Also write {RESULT}, and table and plot into docs/benchmarks.md.")
    ] = False,
    render: Annotated[Path | None, typer.Option(help="Send nothing: take the result from this file.")] = None,
) -> None:
    """Send a million requests to the API: are its counters exact, and its memory, files and threads flat?

    Exit codes: 0 exact and flat, 1 it cannot be measured, 3 not exact or not flat.

    Examples: `python -m benchmarks.soak --write-docs`, `python -m benchmarks.soak --requests 20000 --sample-seconds 1`
    """
    try:
        if render is None:
            plan = Plan(requests, round_requests, sample_seconds)
            with alone():
                report = soak(
                    plan,
                    python=python,
                    cores=Cores(server_core, load_core),
                    cache=CACHE.resolve(),
                    say=_aside.print,
                )
            write_report(output, report)
            _aside.print(f"result: {output}")
        else:
            report = read_report(render)
        for name, value in table(report).rows:
            _aside.print(escape(f"{name}: {value}"), soft_wrap=True)
        if write_docs:
            write_report(RESULT, report)
            for path in write_page(report):
                _aside.print(f"written: {path}")
    except (ExpectedError, BenchmarkFailed) as error:
        _aside.print(f"[bold red]soak:[/] {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None
    if problems_of(report):
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    typer.run(main)
