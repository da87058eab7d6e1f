"""One visit to one server: start it, check its answers, measure, end it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from benchmarks.contestants import Contestant, Site
from benchmarks.errors import PeerFailed
from benchmarks.load.sending import Counted, Requests
from benchmarks.load.vegeta import send_open
from benchmarks.load.wrk import send_closed
from benchmarks.plan import SHARES, Plan, Scenario
from benchmarks.processes import Launch, Running, running
from benchmarks.samples import Closed, Open, Start, Unmeasured

__all__ = ["Cores", "Place", "Visitor", "check_answers", "requests_of"]

TOLERANCE = 1e-6
"""Largest accepted difference between an answer and the expected probability."""

CHECKED_BODIES = 4
MIN_RATE = 1.0


@dataclass(frozen=True)
class Cores:
    """Which core the server has, and which the load program and this program share."""

    server: int
    load: int


@dataclass(frozen=True)
class Place:
    """A server that is prepared: its files are written, it can be started."""

    contestant: Contestant
    site: Site
    launch: Launch


@dataclass(frozen=True)
class Visitor:
    """Measures one server at a time."""

    plan: Plan
    cores: Cores
    logs: Path
    """Folder of the servers' logs, which stay after the run."""

    advance: Callable[[str], None]
    """Called with the name of each measurement when it has ended."""

    def measure_peak(self, place: Place, number: int) -> list[Start | Closed | Unmeasured]:
        """Measure every scenario in the closed loop.

        Raises:
            PeerFailed: the server does not start, or its first answer is wrong.
        """
        found: list[Start | Closed | Unmeasured] = []
        name = place.contestant.name
        with running(place.launch, core=self.cores.server, log=self.logs / f"{name}.log") as server:
            for scenario in self.plan.scenarios:
                if place.contestant.path(scenario.form) is not None:
                    found.append(self._checked(place, server, scenario, number))
                self.advance(f"{name}, {scenario.name} row(s)")
            found.append(Start(name, number, server.start_seconds, server.pss_mib()))
        return found

    def measure_latency(self, place: Place, number: int, peak: Mapping[str, float]) -> list[Open]:
        """Measure the scenarios of the open loop at shares of ``peak``: scenario → requests per second."""
        found = []
        name = place.contestant.name
        with running(place.launch, core=self.cores.server, log=self.logs / f"{name}.log"):
            for scenario in self.plan.scenarios:
                if not scenario.open_loop or scenario.name not in peak:
                    continue
                check_answers(place, scenario)
                self._warm_up(place, scenario)
                for share in SHARES:
                    found.append(self._open(place, scenario, number, share, peak[scenario.name]))
                    self.advance(f"{name}, {scenario.name} row(s) at {share:.0%} of its peak")
        return found

    def _checked(self, place: Place, server: Running, scenario: Scenario, number: int) -> Closed | Unmeasured:
        try:
            check_answers(place, scenario)
            return self._closed(place, server, scenario, number)
        except PeerFailed as error:
            return Unmeasured(place.contestant.name, scenario.name, str(error))

    def _closed(self, place: Place, server: Running, scenario: Scenario, number: int) -> Closed:
        self._warm_up(place, scenario)
        requests = requests_of(place, scenario)
        before = server.cpu_seconds()
        counted = send_closed(requests, seconds=self.plan.seconds, core=self.cores.load)
        cpu_seconds = server.cpu_seconds() - before
        if not counted.requests:
            raise PeerFailed(f"no request was answered with 2xx, {counted.errors} failed")
        return Closed(
            server=place.contestant.name,
            round=number,
            scenario=scenario.name,
            per_second=counted.per_second,
            errors=counted.errors,
            p50_ms=counted.p50_ms,
            p99_ms=counted.p99_ms,
            cpu_ms=1000 * cpu_seconds / counted.requests,
            pss_mib=server.pss_mib(),
            load_cpu_share=counted.load_cpu_share,
        )

    def _open(self, place: Place, scenario: Scenario, number: int, share: float, peak: float) -> Open:
        rate = max(MIN_RATE, share * peak)
        counted: Counted = send_open(
            requests_of(place, scenario), rate=rate, seconds=self.plan.open_seconds, core=self.cores.load
        )
        return Open(
            server=place.contestant.name,
            round=number,
            scenario=scenario.name,
            share=share,
            rate=rate,
            per_second=counted.per_second,
            errors=counted.errors,
            p50_ms=counted.p50_ms,
            p99_ms=counted.p99_ms,
            load_cpu_share=counted.load_cpu_share,
        )

    def _warm_up(self, place: Place, scenario: Scenario) -> None:
        if self.plan.warm_up_seconds:
            send_closed(requests_of(place, scenario), seconds=self.plan.warm_up_seconds, core=self.cores.load)


def check_answers(place: Place, scenario: Scenario) -> None:
    """Send some of the bodies once, and compare the probabilities with the expected ones.

    Raises:
        PeerFailed: an error, or a difference above 1e-6.
    """
    server, site = place.contestant, place.site
    headers = dict(server.headers(site, scenario.form))
    for number in range(min(scenario.bodies, CHECKED_BODIES)):
        rows, expected = site.workload.take(number, scenario.rows)
        body = server.encode(rows, scenario.form)
        answer = httpx.post(
            f"{site.url}{server.path(scenario.form)}", content=body, headers=headers, timeout=60, trust_env=False
        )
        if not answer.is_success:
            raise PeerFailed(f"it answered {answer.status_code}: {answer.text[:200]}")
        found = np.asarray(server.decode(answer.content, scenario.form), dtype=np.float64)
        if found.shape != expected.shape:
            raise PeerFailed(f"it answered {found.shape} probabilities for {expected.shape} rows")
        difference = float(np.abs(found - expected).max())
        if not difference <= TOLERANCE:
            raise PeerFailed(f"its probabilities differ by {difference:.3g} from XGBoost's")


def requests_of(place: Place, scenario: Scenario) -> Requests:
    """Return the requests of a scenario, with a new token."""
    server, site = place.contestant, place.site
    bodies = [_body_file(place, scenario, number) for number in range(scenario.bodies)]
    return Requests(
        url=f"{site.url}{server.path(scenario.form)}",
        headers=server.headers(site, scenario.form),
        bodies=bodies,
        connections=scenario.connections,
        folder=site.folder,
    )


def _body_file(place: Place, scenario: Scenario, number: int) -> Path:
    """Return the file of a body, written when it is first asked for."""
    file = place.site.folder / f"{scenario.name}-{number}.body"
    if not file.exists():
        rows, _ = place.site.workload.take(number, scenario.rows)
        file.write_bytes(place.contestant.encode(rows, scenario.form))
    return file
