"""What one visit to one server measures. The results of a run are lists of these."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Call", "Closed", "Open", "Results", "Start", "Unmeasured"]


@dataclass(frozen=True)
class Start:
    """One start of a server."""

    server: str
    round: int
    seconds: float
    """From the start of the process until it is ready."""

    pss_mib: float
    """Memory of all its processes, after the last measurement of the visit."""


@dataclass(frozen=True)
class Closed:
    """One measurement of the peak."""

    server: str
    round: int
    scenario: str
    per_second: float
    """Successful requests per second."""

    errors: int
    p50_ms: float | None
    p99_ms: float | None
    cpu_ms: float
    """CPU time of the server for one request, the kernel's included."""

    pss_mib: float
    load_cpu_share: float
    """Share of its core that the load program used."""


@dataclass(frozen=True)
class Open:
    """One measurement at a fixed rate. Latency counts from the time at which a request was due."""

    server: str
    round: int
    scenario: str
    share: float
    """Of the server's own peak."""

    rate: float
    """Requests per second that were due."""

    per_second: float
    errors: int
    p50_ms: float | None
    p99_ms: float | None
    load_cpu_share: float


@dataclass(frozen=True)
class Call:
    """One measurement of XGBoost's call without a server."""

    round: int
    rows: int
    per_second: float


@dataclass(frozen=True)
class Unmeasured:
    """A server, or one of its scenarios, that could not be measured."""

    server: str
    scenario: str
    """Empty: all."""

    reason: str


@dataclass(frozen=True)
class Results:
    """Everything that was measured, round by round."""

    starts: tuple[Start, ...] = ()
    closed: tuple[Closed, ...] = ()
    open: tuple[Open, ...] = ()
    calls: tuple[Call, ...] = ()
    unmeasured: tuple[Unmeasured, ...] = ()
