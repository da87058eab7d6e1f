"""The plot of the results: throughput by scenario, and p99 at shares of the peak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.plan import SHARES
from benchmarks.results import Report
from benchmarks.servers import SERVERS
from benchmarks.summary import latencies, peaks
from benchmarks.tables import measured, rows_text, scenarios
from pipelines.figures import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

BAR = 0.8
"""Width of all bars of one scenario together; the scenarios are 1 apart."""


def draw(path: Path, report: Report) -> None:
    """Draw a panel for throughput, and one for the latency of each scenario that was measured at fixed rates."""
    open_ones = [name for name in scenarios(report) if any(one.scenario == name for one in report.results.open)]
    figure = new_figure(9, 4 + 3.5 * bool(open_ones))
    upper, *lower = figure.subfigures(2 if open_ones else 1, squeeze=False)[:, 0]
    _draw_peaks(upper.subplots(), report)
    for part in lower:
        for ax, name in zip(part.subplots(1, len(open_ones), squeeze=False)[0], open_ones, strict=True):
            _draw_latency(ax, report, name)
    save_figure(figure, path)


def _draw_peaks(ax: Axes, report: Report) -> None:
    found, servers, names = peaks(report.results), measured(report), scenarios(report)
    width = BAR / len(servers)
    for place, server in enumerate(servers):
        for number, name in enumerate(names):
            peak = found.get((server, name))
            if peak is None:
                continue
            at = number - BAR / 2 + (place + 0.5) * width
            label = SERVERS[server].title if number == 0 else None
            ax.bar(at, peak.per_second, width, color=f"C{place}", label=label)
            spread = [[peak.per_second - peak.lowest], [peak.highest - peak.per_second]]
            ax.errorbar(at, peak.per_second, spread, color="black", linewidth=1)
    ax.set_xticks(range(len(names)), [f"{rows_text(name)} in a request" for name in names])
    ax.set(yscale="log", ylabel="requests per second", title="Peak on one core: median, lowest and highest round")
    ax.legend(fontsize="small")


def _draw_latency(ax: Axes, report: Report, name: str) -> None:
    found = latencies(report.results)
    for place, server in enumerate(measured(report)):
        points = [(share, found[server, name, share].p99_ms) for share in SHARES if (server, name, share) in found]
        known = [(100 * share, value) for share, value in points if value is not None]
        if known:
            ax.plot(*zip(*known, strict=True), marker="o", color=f"C{place}", label=SERVERS[server].title)
    ax.set(yscale="log", xlabel="rate, % of the own peak", ylabel="p99 [ms]", title=f"p99 with {rows_text(name)}")
    ax.set_xticks([100 * share for share in SHARES])
