"""Medians of the rounds, and the ratio to the reference in the same round."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from benchmarks.samples import Closed, Open, Results

K = TypeVar("K")
V = TypeVar("V")

__all__ = ["Latency", "Memory", "Peak", "calls", "latencies", "memory", "peaks", "ratios"]


@dataclass(frozen=True)
class Peak:
    """The closed loop of one server and scenario: the median of every figure over the rounds."""

    per_second: float
    lowest: float
    highest: float
    p50_ms: float | None
    p99_ms: float | None
    cpu_ms: float
    pss_mib: float
    errors: int
    """Of all rounds together."""

    load_cpu_share: float


@dataclass(frozen=True)
class Latency:
    """The open loop of one server, scenario and share."""

    rate: float
    per_second: float
    p50_ms: float | None
    p99_ms: float | None
    errors: int


@dataclass(frozen=True)
class Memory:
    """Start and memory of one server."""

    seconds: float
    """From the start of the process until it is ready."""

    pss_mib: float


def peaks(results: Results) -> dict[tuple[str, str], Peak]:
    """Return the peak by server and scenario."""
    return {
        key: _peak(group) for key, group in _grouped(results.closed, lambda one: (one.server, one.scenario)).items()
    }


def latencies(results: Results) -> dict[tuple[str, str, float], Latency]:
    """Return the latency by server, scenario and share of the peak."""
    groups = _grouped(results.open, lambda one: (one.server, one.scenario, one.share))
    return {key: _latency(group) for key, group in groups.items()}


def memory(results: Results) -> dict[str, Memory]:
    """Return start and memory by server."""
    groups = _grouped(results.starts, lambda one: one.server)
    return {
        server: Memory(median(one.seconds for one in group), median(one.pss_mib for one in group))
        for server, group in groups.items()
    }


def calls(results: Results) -> dict[int, float]:
    """Return XGBoost's calls per second without a server, by rows in a call."""
    groups = _grouped(results.calls, lambda one: one.rows)
    return {rows: median(one.per_second for one in group) for rows, group in groups.items()}


def ratios(results: Results, server: str, reference: str) -> dict[str, float]:
    """Return by scenario the median over the rounds of the throughput relative to the reference's in the same round.

    What disturbs the machine for longer than a round disturbs both, and leaves the ratio as it is.
    """
    rates = {(one.server, one.scenario, one.round): one.per_second for one in results.closed}
    found: dict[str, list[float]] = {}
    for (name, scenario, number), rate in rates.items():
        other = rates.get((reference, scenario, number))
        if name == server and other:
            found.setdefault(scenario, []).append(rate / other)
    return {scenario: median(values) for scenario, values in found.items()}


def _peak(group: list[Closed]) -> Peak:
    rates = [one.per_second for one in group]
    return Peak(
        per_second=median(rates),
        lowest=min(rates),
        highest=max(rates),
        p50_ms=_median(one.p50_ms for one in group),
        p99_ms=_median(one.p99_ms for one in group),
        cpu_ms=median(one.cpu_ms for one in group),
        pss_mib=median(one.pss_mib for one in group),
        errors=sum(one.errors for one in group),
        load_cpu_share=max(one.load_cpu_share for one in group),
    )


def _latency(group: list[Open]) -> Latency:
    return Latency(
        rate=median(one.rate for one in group),
        per_second=median(one.per_second for one in group),
        p50_ms=_median(one.p50_ms for one in group),
        p99_ms=_median(one.p99_ms for one in group),
        errors=sum(one.errors for one in group),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _grouped(values: Iterable[V], key: Callable[[V], K]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for value in values:
        groups.setdefault(key(value), []).append(value)
    return groups
