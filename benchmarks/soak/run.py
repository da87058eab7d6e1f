"""Run the API, send the requests round by round, and take samples meanwhile.

A token lives for fifteen minutes, so each round logs in. A round is also a new start of wrk, with new connections.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contestants import Site
from benchmarks.environments import ESPALIER, make_environment
from benchmarks.espalier_server import Espalier
from benchmarks.load.sending import Requests
from benchmarks.load.tools import find_tools
from benchmarks.machine import describe_commit, describe_machine
from benchmarks.plan import SCENARIOS
from benchmarks.processes import Running, pin, running
from benchmarks.soak.counters import compare, count_lines, read_counters, requests_of
from benchmarks.soak.report import SoakReport
from benchmarks.soak.sending import Answered, send_exactly
from benchmarks.soak.usage import Sample, take_sample
from benchmarks.visit import Cores, Place, check_answers
from benchmarks.workload import make_workload
from espalier.local.processes import free_port

__all__ = ["Plan", "invalid", "soak"]

SCENARIO = SCENARIOS["1"]
INVALID_EVERY = 10
"""One request in so many has a text where a number belongs: it leaves the fast path, and is refused."""

SETTLE_SECONDS = 1.0
"""Until a request that was answered by the application is counted and logged."""


@dataclass(frozen=True)
class Plan:
    """One soak."""

    requests: int
    round_requests: int
    sample_seconds: float
    round_seconds: float = 600
    """How long a round may take: less than a token lives."""

    @property
    def rounds(self) -> list[int]:
        """Requests of each round."""
        whole, rest = divmod(self.requests, self.round_requests)
        return [self.round_requests] * whole + [rest] * bool(rest)


@dataclass
class _Soak:
    """One soak on its way."""

    plan: Plan
    place: Place
    cores: Cores
    metrics: str
    """Address of the server's metrics."""

    answers: list[Answered] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def rounds(self, server: Running, earlier: int) -> Iterator[int]:
        """Send every round; yield how many requests have been answered after each.

        Args:
            server: whose memory is sampled.
            earlier: requests that it has answered before.
        """
        began, place = time.perf_counter(), self.place
        bodies = list(_bodies(place))

        def sample() -> None:
            requests = requests_of(read_counters(self.metrics)) - earlier
            seconds = time.perf_counter() - began
            self.samples.append(take_sample(server.pid, place.site.port, seconds=seconds, requests=requests))

        answered = 0
        for wanted in self.plan.rounds:
            headers = place.contestant.headers(place.site, SCENARIO.form)
            url = f"{place.site.url}{place.contestant.path(SCENARIO.form)}"
            requests = Requests(url, headers, bodies, SCENARIO.connections, place.site.folder)
            limits = {"seconds": self.plan.round_seconds, "every": self.plan.sample_seconds}
            self.answers.append(send_exactly(requests, wanted, core=self.cores.load, sample=sample, **limits))
            answered += wanted
            yield answered


def soak(plan: Plan, *, python: str, cores: Cores, cache: Path, say: Callable[[str], None]) -> SoakReport:
    """Run it.

    Raises:
        BenchmarkFailed: the API does not start, answers wrongly, or does not answer.
    """
    tools, began = find_tools(open_loop=False), datetime.now(UTC)
    log, espalier = cache / "logs" / "soak.log", Espalier()
    say("environment and model")
    environment = make_environment(ESPALIER, python_version=python, cache=cache)
    with tempfile.TemporaryDirectory(prefix="espalier-soak-") as name:
        site = Site(environment, make_workload(Path(name) / "model"), Path(name), free_port())
        with pin(cores.load), espalier.launching(site) as launch:
            metrics = f"http://127.0.0.1:{launch.environment['API_METRICS_PORT']}/metrics"
            found = _Soak(plan, Place(espalier, site, launch), cores, metrics)
            with running(launch, core=cores.server, log=log) as server:
                check_answers(found.place, SCENARIO)
                time.sleep(SETTLE_SECONDS)
                before = read_counters(metrics)
                for number in found.rounds(server, requests_of(before)):
                    say(f"{number:,} of {plan.requests:,} requests answered")
                time.sleep(SETTLE_SECONDS)
                after = read_counters(metrics)
    versions = {name: environment.versions[name] for name in ("python", *espalier.packages)}
    return SoakReport(
        started=began.isoformat(timespec="seconds"),
        commit=describe_commit(),
        machine=describe_machine(),
        versions=versions,
        tools=tools,
        requests=plan.requests,
        seconds=sum(one.seconds for one in found.answers),
        statuses=_statuses(found.answers),
        no_answer=sum(one.no_answer for one in found.answers),
        differences=compare(before, after, found.answers),
        counters=len(after),
        log_lines=count_lines(log),
        counted_requests=requests_of(after),
        samples=tuple(found.samples),
    )


def _bodies(place: Place) -> Iterator[Path]:
    """Write the files of the bodies, one in ten of them invalid."""
    for number in range(SCENARIO.bodies):
        rows, _ = place.site.workload.take(number, SCENARIO.rows)
        body = place.contestant.encode(rows, SCENARIO.form)
        file = place.site.folder / f"soak-{number}.body"
        file.write_bytes(invalid(body) if number % INVALID_EVERY == 0 else body)
        yield file


def invalid(body: bytes) -> bytes:
    """Return the body with a text where its first row has its first number."""
    content = json.loads(body)
    row = content["rows"][0]
    row[next(iter(row))] = "none"
    return json.dumps(content, separators=(",", ":")).encode()


def _statuses(answers: list[Answered]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in answers:
        total.update({str(status): count for status, count in one.statuses.items()})
    return dict(total)
