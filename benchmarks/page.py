"""Write the results into docs/benchmarks.md, between its two markers, and the plot beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.errors import BenchmarkFailed
from benchmarks.picture import draw
from benchmarks.results import Report
from benchmarks.tables import cost_table, latency_tables, notes, peak_table, to_markdown, version_table

__all__ = ["PAGE", "RESULTS", "Markers", "insert", "section", "write_page"]

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURE = DOCS / "benchmarks.md", DOCS / "pictures" / "benchmarks.png"


class Markers(NamedTuple):
    """The lines between which a program writes."""

    begin: str
    end: str


RESULTS = Markers("<!-- results: make bench writes these lines -->", "<!-- end of the results -->")


def write_page(report: Report) -> tuple[Path, Path]:
    """Write page and plot; return their paths.

    Raises:
        BenchmarkFailed: the page has no markers.
    """
    PAGE.write_text(insert(PAGE.read_text(encoding="utf-8"), section(report)), encoding="utf-8")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    draw(PICTURE, report)
    return PAGE, PICTURE


def insert(page: str, text: str, markers: Markers = RESULTS) -> str:
    """Return the page with this text between the markers.

    Raises:
        BenchmarkFailed: it does not have each marker once, in this order.
    """
    before, begin, rest = page.partition(markers.begin)
    _old, end, after = rest.partition(markers.end)
    if not begin or not end or markers.begin in after or markers.end in before + after:
        raise BenchmarkFailed(f"the page needs the line {markers.begin!r} once, and after it {markers.end!r} once")
    return f"{before}{markers.begin}\n\n{text.strip()}\n\n{markers.end}{after}"


def section(report: Report) -> str:
    """Return tables, notes and conditions in Markdown."""
    parts = [_conditions(report), "![Requests per second and latency of every server](pictures/benchmarks.png)"]
    for table in (peak_table(report), cost_table(report), *latency_tables(report), version_table(report)):
        parts += [f"**{table.title}**", to_markdown(table)]
    found = [f"- {note}" for note in notes(report)]
    return "\n\n".join([*parts, *(["\n".join(["What limits these numbers:", "", *found])] if found else [])])


def _conditions(report: Report) -> str:
    return " ".join(_sentences(report))


def _sentences(report: Report) -> Iterator[str]:
    machine, plan = report.machine, report.plan
    yield f"Measured on {report.started[:10]} at commit {report.commit}:"
    yield f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}."
    yield f"Median of {plan['rounds']} rounds of {plan['seconds']:g} s."
    if plan["open_rounds"]:
        yield f"At fixed rates: {plan['open_rounds']} of {plan['open_seconds']:g} s."
    yield f"Load by {', '.join(f'{name} {version}' for name, version in report.tools.items())}."
