"""The command line of the benchmark: ``python -m benchmarks``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from benchmarks.errors import BenchmarkFailed
from benchmarks.plan import FULL, QUICK, SCENARIOS, Plan
from bundle import ExpectedError

if TYPE_CHECKING:
    from benchmarks.results import Report
    from benchmarks.run import Progress, Run
    from benchmarks.visit import Cores

__all__ = ["main"]

CACHE = Path(".cache/bench")
RESULTS = Path("benchmarks/results.json")
EXIT_BELOW_FLOOR = 3

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_aside = Console(stderr=True, highlight=False)


def main() -> None:
    """Run the command; an expected error is one line and an exit code."""
    signal.signal(signal.SIGTERM, _end)
    try:
        app()
    except ExpectedError as error:
        _aside.print(f"[bold red]benchmark:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _end(number: int, _frame: FrameType | None) -> None:
    # As an exception, so that the server that runs is ended on the way out.
    sys.exit(128 + number)


@app.command()
def bench(  # noqa: PLR0913, PLR0917 - each is an option
    quick: Annotated[
        bool, typer.Option("--quick", help="Espalier and the bare server only, judged by the floors.")
    ] = False,
    servers: Annotated[str, typer.Option(help="Names, separated by commas. Default: all.")] = "",
    scenarios: Annotated[str, typer.Option(help=f"Of {', '.join(SCENARIOS)}; separated by commas.")] = "",
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds of the closed loop.")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="Seconds of one measurement of the peak.")] = None,
    open_seconds: Annotated[
        float | None, typer.Option(min=0, help="Seconds of one measurement at a fixed rate; 0 measures none.")
    ] = None,
    python: Annotated[str, typer.Option(help="Version of Python for every server.")] = "3.13",
    server_core: Annotated[int, typer.Option(min=0, help="Core of the server.")] = 0,
    load_core: Annotated[int, typer.Option(min=0, help="Core of the load program.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON, for programs.")] = False,
    output: Annotated[Path, typer.Option(help="Also write the results to this file.")] = CACHE / "results.json",
    write_docs: Annotated[
        bool, typer.Option("--write-docs", help=f"Write {RESULTS}, and tables and plot into docs/benchmarks.md.")
    ] = False,
    render: Annotated[Path | None, typer.Option(help="Measure nothing: take the results from this file.")] = None,
) -> None:
    """Measure Espalier's prediction API and its peers with the same model, in one interleaved run.

    Exit codes: 0 measured, 1 it cannot be measured, 3 under a floor (only with --quick).

    Examples: `python -m benchmarks --quick`, `python -m benchmarks --servers espalier,kserve --scenarios 1,100 --json`,
    `python -m benchmarks --render benchmarks/results.json --write-docs`
    """
    from benchmarks.results import read_report, to_json, write_report

    plan = _plan(QUICK if quick else FULL, servers, scenarios, rounds, seconds, open_seconds)
    if render is not None:
        report = read_report(render)
    else:
        report = _measure(plan, python, (server_core, load_core), output)
        write_report(output, report)
        _aside.print(f"results: {output}")
    if json:
        sys.stdout.write(to_json(report))
    else:
        _show(report)
    if write_docs:
        _write_docs(report)
    if quick:
        _judge(report)


def _plan(
    base: Plan, servers: str, scenarios: str, rounds: int | None, seconds: float | None, open_seconds: float | None
) -> Plan:
    from benchmarks.servers import SERVERS

    plan = base
    if servers:
        plan = replace(plan, servers=tuple(_known(servers, SERVERS, "server")))
    if scenarios:
        plan = replace(plan, scenarios=tuple(SCENARIOS[name] for name in _known(scenarios, SCENARIOS, "scenario")))
    if rounds is not None:
        plan = replace(plan, rounds=rounds)
    if seconds is not None:
        plan = replace(plan, seconds=seconds, warm_up_seconds=min(seconds, plan.warm_up_seconds))
    if open_seconds is not None:
        plan = replace(plan, open_seconds=open_seconds)
    return plan if plan.open_seconds else replace(plan, open_rounds=0)


def _known(names: str, known: Iterable[str], what: str) -> list[str]:
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise BenchmarkFailed(f"there is no {what} {', '.join(unknown)}; there are: {', '.join(known)}")
    return chosen


def _measure(plan: Plan, python: str, cores: tuple[int, int], output: Path) -> Report:
    from benchmarks.alone import alone
    from benchmarks.load.tools import find_tools
    from benchmarks.machine import describe_commit, describe_machine
    from benchmarks.results import Report, write_report
    from benchmarks.run import run_plan, steps

    tools = find_tools(open_loop=plan.open_rounds > 0)
    checked = _check_cores(*cores)
    began, commit = datetime.now(UTC), describe_commit()

    def report(run: Run) -> Report:
        return Report(
            started=began.isoformat(timespec="seconds"),
            commit=commit,
            machine=describe_machine(),
            plan=asdict(plan),
            versions=run.versions,
            tools=tools,
            results=run.results(),
        )

    with alone(), _progress(steps(plan), lambda run: write_report(output, report(run))) as progress:
        run = run_plan(plan, python_version=python, cores=checked, cache=CACHE.resolve(), progress=progress)
    return report(run)


def _check_cores(server: int, load: int) -> Cores:
    from benchmarks.visit import Cores

    usable = os.sched_getaffinity(0)
    if server == load or not {server, load} <= usable:
        raise BenchmarkFailed(
            f"the server and the load program need a core each, of {sorted(usable)}: see --server-core and --load-core"
        )
    return Cores(server, load)


@contextmanager
def _progress(total: int, keep: Callable[[Run], None]) -> Iterator[Progress]:
    """Show a bar on a terminal, and a line for each measurement elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from benchmarks.run import Progress

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    # Drawn by this thread only, when a measurement ends: a drawing thread would take time from the load program.
    with Bar(*columns, console=_aside, auto_refresh=False, disable=not _aside.is_terminal) as bar:
        task = bar.add_task("", total=total)

        def say(text: str) -> None:
            if _aside.is_terminal:
                bar.update(task, description=text, refresh=True)
            else:
                _aside.print(text)

        def advance(text: str) -> None:
            bar.advance(task)
            say(text)

        yield Progress(say, advance, keep)


def _show(report: Report) -> None:
    from rich.table import Table

    from benchmarks.tables import cost_table, latency_tables, notes, peak_table

    for table in (peak_table(report), cost_table(report), *latency_tables(report)):
        shown = Table(title=table.title, title_justify="left")
        for place, column in enumerate(table.columns):
            shown.add_column(column, justify="right" if place else "left")
        for row in table.rows:
            shown.add_row(*map(escape, row))
        Console(highlight=False).print(shown)
    for note in notes(report):
        _aside.print(escape(note), soft_wrap=True)


def _write_docs(report: Report) -> None:
    from benchmarks.page import write_page
    from benchmarks.results import write_report

    write_report(RESULTS, report)
    for path in write_page(report):
        _aside.print(f"written: {path}")


def _judge(report: Report) -> None:
    from benchmarks.floors import FLOORS, below_floors
    from benchmarks.servers import REFERENCE
    from benchmarks.summary import ratios

    found = ratios(report.results, "espalier", REFERENCE)
    lines = below_floors(found, FLOORS)
    for line in lines:
        _aside.print(f"[bold red]under the floor:[/] {escape(line)}", soft_wrap=True)
    if lines:
        sys.exit(EXIT_BELOW_FLOOR)
    held = ", ".join(f"{scenario} row(s) {found[scenario]:.3f} (floor {floor:g})" for scenario, floor in FLOORS.items())
    _aside.print(f"[bold green]the floors are met:[/] {held}", soft_wrap=True)


if __name__ == "__main__":
    main()
