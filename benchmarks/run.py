"""The whole run: environments, the model, then rounds in which every server is visited once.

Only one server runs at a time. Rounds of all servers, rather than all rounds of one server, spread a slow minute of the
machine over all of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contestants import Contestant, Site
from benchmarks.environments import Environment, make_environment
from benchmarks.errors import BenchmarkFailed, PeerFailed
from benchmarks.model_call import measure_call
from benchmarks.plan import QUICK, SHARES, Plan
from benchmarks.samples import Call, Closed, Open, Results, Start, Unmeasured
from benchmarks.servers import REFERENCE, SERVERS
from benchmarks.summary import peaks
from benchmarks.visit import Cores, Place, Visitor
from benchmarks.workload import Workload, make_workload
from espalier.local.processes import free_port

__all__ = ["Progress", "Run", "run_plan", "steps"]

REQUIRED = {(server, scenario) for server in QUICK.servers for scenario in ("", *(one.name for one in QUICK.scenarios))}
"""Servers and scenarios without which a run has no result; anything else may be missing from the tables."""


@dataclass(frozen=True)
class Progress:
    """Callbacks for whoever watches."""

    say: Callable[[str], None]
    advance: Callable[[str], None]
    keep: Callable[[Run], None]
    """Called after each visit with what has been measured so far, so that an interrupted run leaves results."""


@dataclass
class Run:
    """What has been measured so far."""

    starts: list[Start] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    unmeasured: dict[tuple[str, str], Unmeasured] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    """Server → package → version."""

    def results(self) -> Results:
        """Return it as it is written and read."""
        return Results(
            starts=tuple(self.starts),
            closed=tuple(self.closed),
            open=tuple(self.open),
            calls=tuple(self.calls),
            unmeasured=tuple(self.unmeasured.values()),
        )

    def take(self, found: list[Start | Closed | Unmeasured]) -> None:
        """Add the measurements of a visit."""
        for one in found:
            if isinstance(one, Start):
                self.starts.append(one)
            elif isinstance(one, Closed):
                self.closed.append(one)
            else:
                self.miss(one)

    def miss(self, what: Unmeasured) -> None:
        """Note what could not be measured; the first reason counts.

        Raises:
            BenchmarkFailed: there is no result without it.
        """
        if (what.server, what.scenario) in REQUIRED:
            where = f"{what.server}, {what.scenario} row(s)" if what.scenario else what.server
            raise BenchmarkFailed(f"{where}: {what.reason}")
        self.unmeasured.setdefault((what.server, what.scenario), what)


def steps(plan: Plan) -> int:
    """Return how many measurements a run has."""
    open_ones = sum(scenario.open_loop for scenario in plan.scenarios) * len(SHARES) * plan.open_rounds
    calls = len(_row_counts(plan)) * plan.rounds if plan.call_seconds else 0
    return len(plan.servers) * (plan.rounds * len(plan.scenarios) + open_ones) + calls


def run_plan(plan: Plan, *, python_version: str, cores: Cores, cache: Path, progress: Progress) -> Run:
    """Measure everything.

    Raises:
        BenchmarkFailed: Espalier or the reference cannot be measured.
    """
    run = Run()
    environments = list(_environments(plan, python_version, cache, run, progress))
    with tempfile.TemporaryDirectory(prefix="espalier-benchmark-") as folder, ExitStack() as beside:
        progress.say("training the model")
        workload = make_workload(Path(folder) / "model")
        places = list(_places(environments, workload, Path(folder), run, beside))
        visitor = Visitor(plan, cores, cache / "logs", progress.advance)
        for number in range(plan.rounds):
            for place in _turned(places, number):
                with _tolerating(run, place, progress):
                    run.take(visitor.measure_peak(place, number))
            run.calls.extend(_calls(plan, places, cores, number, progress))
        peak = peaks(run.results())
        for number in range(plan.open_rounds):
            for place in _turned(places, number):
                own = {name: one.per_second for (server, name), one in peak.items() if server == place.contestant.name}
                with _tolerating(run, place, progress):
                    run.open.extend(visitor.measure_latency(place, number, own))
    return run


def _calls(plan: Plan, places: list[Place], cores: Cores, number: int, progress: Progress) -> Iterator[Call]:
    """Measure XGBoost's call in the reference's environment."""
    reference = next((place.site for place in places if place.contestant.name == REFERENCE), None)
    if reference is None or not plan.call_seconds:
        return
    for rows in _row_counts(plan):
        yield measure_call(
            reference.environment,
            reference.workload,
            rows=rows,
            seconds=plan.call_seconds,
            core=cores.server,
            number=number,
        )
        progress.advance(f"XGBoost's call alone, {rows} row(s)")


def _row_counts(plan: Plan) -> list[int]:
    return sorted({scenario.rows for scenario in plan.scenarios})


def _environments(
    plan: Plan, python_version: str, cache: Path, run: Run, progress: Progress
) -> Iterator[tuple[Contestant, Environment]]:
    for name in plan.servers:
        contestant = SERVERS[name]
        progress.say(f"environment of {name}")
        try:
            environment = make_environment(contestant.environment, python_version=python_version, cache=cache)
        except PeerFailed as error:
            progress.say(str(error))
            run.miss(Unmeasured(name, "", str(error)))
            continue
        run.versions[name] = {package: environment.versions[package] for package in ("python", *contestant.packages)}
        yield contestant, environment


def _places(
    environments: list[tuple[Contestant, Environment]], workload: Workload, folder: Path, run: Run, beside: ExitStack
) -> Iterator[Place]:
    for contestant, environment in environments:
        own = folder / contestant.name
        own.mkdir()
        site = Site(environment, workload, own, free_port())
        try:
            yield Place(contestant, site, beside.enter_context(contestant.launching(site)))
        except PeerFailed as error:
            run.miss(Unmeasured(contestant.name, "", str(error)))


def _turned(places: list[Place], number: int) -> list[Place]:
    """Return the places in the order of a round: every second one is reversed, so that no server always comes first."""
    return places[::-1] if number % 2 else places


@contextmanager
def _tolerating(run: Run, place: Place, progress: Progress) -> Iterator[None]:
    try:
        yield
    except PeerFailed as error:
        progress.say(f"{place.contestant.name}: {error}")
        run.miss(Unmeasured(place.contestant.name, "", str(error)))
    progress.keep(run)
