"""What Espalier's API does when it gets more requests than it can answer: ``python -m benchmarks.overload``.

Rates up to five times the peak are sent, and afterwards half of the peak, to see whether it recovers; then again beside
many slow clients. Meanwhile a probe on a new connection, a login and a scrape of the metrics are sent now and then.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from benchmarks.alone import alone
from benchmarks.beside import Beside, Watched
from benchmarks.contestants import Site
from benchmarks.environments import ESPALIER, make_environment
from benchmarks.errors import BenchmarkFailed
from benchmarks.espalier_server import Espalier
from benchmarks.load.sending import Counted, Requests
from benchmarks.load.vegeta import send_open
from benchmarks.machine import describe_commit, describe_machine
from benchmarks.overload_page import Curve, Step, line, write_page
from benchmarks.plan import SCENARIOS, Scenario
from benchmarks.processes import pin, running
from benchmarks.slow_clients import slow_clients
from benchmarks.visit import Place, check_answers, requests_of
from benchmarks.workload import make_workload
from espalier.local.processes import free_port

__all__ = ["main", "measure"]

CONNECTIONS = 900
"""Of the load program and the slow clients together: a worker accepts 1,000."""

PEAK_CONNECTIONS = (1, 4, 16)
"""Multiples of the scenario's connections that are tried for the peak; the first one also warms up."""

SLOW_CLIENTS = 800

CACHE = Path(".cache/bench")
SERVER_CORE, LOAD_CORE = 0, 1

_aside = Console(stderr=True, highlight=False)


RATES = (((0.5, 0),), ((1.0, 0),), ((2.0, 0),), ((5.0, 0), (0.5, 0)), ((0.5, SLOW_CLIENTS),))
"""Multiples of the peak, and slow clients beside, in groups that begin as soon as the one before has ended.

The peak is measured again after each group, because the speed of a virtual machine changes within seconds: a rate is
compared with the mean of the peak before it and the peak after it.
"""


def measure(scenario: Scenario, seconds: float, python: str) -> Curve:
    """Measure the peak, then every rate, for so many seconds each."""
    with _served(python) as (place, metrics):
        check_answers(place, scenario)
        requests = requests_of(place, scenario)
        few = requests.connections
        peaks = {times * few: _peak(requests, seconds, times * few) for times in PEAK_CONNECTIONS}
        connections, peak = max(peaks.items(), key=lambda item: item[1])
        first = peak
        _aside.print(f"{scenario.name} row(s): peak {peak:,.0f} requests per second")
        beside, steps = _beside(place, metrics), []
        for group in RATES:
            sent = [_send(requests, beside, place, rate, peak, seconds) for rate in group]
            after = _peak(requests, seconds, connections)
            for (multiple, slow), (found, watched) in zip(group, sent, strict=True):
                steps.append(_step(multiple, slow, (peak + after) / 2, found, watched))
                _aside.print(line(steps[-1]), soft_wrap=True)
            peak = after
    return Curve(scenario.name, first, tuple(steps))


def _send(
    requests: Requests, beside: Beside, place: Place, rate: tuple[float, int], peak: float, seconds: float
) -> tuple[Counted, dict[str, Watched]]:
    multiple, slow = rate
    # What is sent beside is on the core of the load too: it must not take the server's time.
    with pin(LOAD_CORE), slow_clients(slow, place.site.port), beside.watching() as watched:
        found = send_open(
            requests, rate=multiple * peak, seconds=seconds, core=LOAD_CORE, most_connections=CONNECTIONS - slow
        )
    return found, watched


def _peak(requests: Requests, seconds: float, connections: int) -> float:
    """Return the answers per second if each connection sends its next request when it has the answer.

    The program of the other rates sends them: its requests cost a server more than those of wrk, because each has
    another header.
    """
    return send_open(requests, rate=math.inf, seconds=seconds, core=LOAD_CORE, most_connections=connections).per_second


def _step(multiple: float, slow: int, peak: float, found: Counted, watched: dict[str, Watched]) -> Step:
    offered = (found.requests + found.errors) / found.seconds
    return Step(
        multiple,
        slow,
        peak,
        offered,
        found.per_second,
        found.errors,
        found.p50_ms,
        found.p99_ms,
        found.load_cpu_share,
        watched,
    )


@contextmanager
def _served(python: str) -> Iterator[tuple[Place, str]]:
    """Run the API; yield it with the address of its metrics."""
    espalier = Espalier()
    environment = make_environment(ESPALIER, python_version=python, cache=CACHE.resolve())
    with tempfile.TemporaryDirectory(prefix="espalier-overload-") as name:
        folder = Path(name)
        site = Site(environment, make_workload(folder / "model"), folder, free_port())
        with (
            espalier.launching(site) as launch,
            running(launch, core=SERVER_CORE, log=CACHE / "logs" / "overload.log"),
        ):
            yield Place(espalier, site, launch), f"http://127.0.0.1:{launch.environment['API_METRICS_PORT']}/metrics"


def _beside(place: Place, metrics: str) -> Beside:
    site, espalier = place.site, Espalier()
    asks: dict[str, Callable[[httpx.Client], httpx.Response]] = {
        "probe": lambda client: client.get(f"{site.url}/readyz"),
        "login": lambda client: espalier.log_in(site, client),
        "metrics": lambda client: client.get(metrics),
    }
    return Beside(asks)


def main(
    scenarios: Annotated[str, typer.Option(help=f"Of {', '.join(SCENARIOS)}; separated by commas.")] = "1,100",
    seconds: Annotated[float, typer.Option(min=1, help="Seconds at each rate.")] = 15,
    python: Annotated[str, typer.Option(help="Version of Python.")] = "3.13",
    write_docs: Annotated[
        bool, typer.Option("--write-docs", help="Write table and plot into docs/benchmarks.md.")
    ] = False,
    output: Annotated[Path, typer.Option(help="Write the results to this file.")] = CACHE / "overload.json",
) -> None:
    """Send half, all, twice and five times the peak to Espalier's API, half of it again, and beside slow clients.

    Example: `python -m benchmarks.overload --scenarios 100 --seconds 5`
    """
    unknown = set(scenarios.split(",")) - set(SCENARIOS)
    if unknown:
        raise typer.BadParameter(f"there is no scenario {', '.join(sorted(unknown))}")
    try:
        with alone():
            curves = [measure(SCENARIOS[name], seconds, python) for name in scenarios.split(",")]
    except BenchmarkFailed as error:
        _aside.print(f"[bold red]benchmark:[/] {error}", soft_wrap=True)
        raise typer.Exit(error.exit_code) from None
    commit, machine = describe_commit(), describe_machine()
    report = {"commit": commit, "machine": machine, "curves": [asdict(curve) for curve in curves]}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    _aside.print(f"results: {output}")
    if write_docs:
        for path in write_page(curves, commit=commit, machine=machine):
            _aside.print(f"written: {path}")


if __name__ == "__main__":
    typer.run(main)
