"""The soak in docs/benchmarks.md: a table, a plot, and what was compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.page import PAGE, Markers, insert
from benchmarks.soak.report import SoakReport, memory_trends, problems_of
from benchmarks.tables import Table, to_markdown
from pipelines.figures import new_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MARKERS", "section", "table", "write_page"]

MARKERS = Markers(
    "<!-- soak: python -m benchmarks.soak --write-docs writes these lines -->", "<!-- end of the soak -->"
)
PICTURE = PAGE.parent / "pictures" / "soak.png"


def write_page(report: SoakReport) -> tuple[Path, Path]:
    """Write page and plot; return their paths."""
    PAGE.write_text(insert(PAGE.read_text(encoding="utf-8"), section(report), MARKERS), encoding="utf-8")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    _draw(report)
    return PAGE, PICTURE


def section(report: SoakReport) -> str:
    """Return it in Markdown."""
    machine = report.machine
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
    text = f"Measured on {report.started[:10]} at commit {report.commit}: {where}."
    picture = "![Memory, open files, threads and connections during the soak](pictures/soak.png)"
    return "\n\n".join([text, to_markdown(table(report)), picture])


def table(report: SoakReport) -> Table:
    """Return the figures."""
    return Table("A million requests", ("", ""), [list(row) for row in _rows(report)])


def _rows(report: SoakReport) -> Iterator[tuple[str, str]]:
    answers = ", ".join(f"{count:,} with {status}" for status, count in sorted(report.statuses.items()))
    rate = report.requests / report.seconds
    yield "requests", f"{report.requests:,} in {report.seconds:,.0f} s ({rate:,.0f} per second)"
    yield "answers", f"{answers}; {report.no_answer} without"
    exact = report.counters - len(report.differences)
    yield "counters equal to the answers", f"{exact} of {report.counters}"
    yield "lines of the access log", f"{report.log_lines:,} for {report.counted_requests:,} predictions"
    for name, trend in memory_trends(report.samples).items():
        values = [one.pss_mib if name == "PSS" else one.private_mib for one in report.samples]
        slope = f"{trend.slope:+.3f} ± {trend.error:.3f} MiB for 100,000 requests in the second half"
        yield name, f"{values[0]:.1f} MiB at first, {values[-1]:.1f} at last; {slope}"
    for name in ("files", "threads", "connections"):
        values = [getattr(one, name) for one in report.samples]
        yield f"open {name}" if name != "threads" else name, f"{min(values)} to {max(values)}"
    yield "judgement", "; ".join(problems_of(report)) or "exact and flat"


def _draw(report: SoakReport) -> None:
    figure = new_figure(8, 6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _draw_lines(upper, report, {"pss_mib": "PSS", "private_mib": "private"})
    upper.set(ylabel="MiB", ylim=(0, None), title="Memory of all processes")
    _draw_lines(lower, report, {"files": "open files", "threads": "threads", "connections": "connections"})
    lower.set(ylabel="number", xlabel="requests answered [thousands]", ylim=(0, None))
    save_figure(figure, PICTURE)


def _draw_lines(ax: Axes, report: SoakReport, lines: dict[str, str]) -> None:
    x = [one.requests / 1000 for one in report.samples]
    for name, label in lines.items():
        ax.plot(x, [getattr(one, name) for one in report.samples], marker=".", linewidth=1, label=label)
    ax.legend(fontsize="small")
