"""The overload curves: a line for the terminal, and table and plot for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.beside import Watched
from benchmarks.page import PAGE, Markers, insert
from benchmarks.tables import Table, rows_text, to_markdown
from pipelines.figures import new_figure, save_figure

__all__ = ["MARKERS", "Curve", "Step", "goodput_share", "line", "write_page"]

MARKERS = Markers(
    "<!-- overload: python -m benchmarks.overload --write-docs writes these lines -->", "<!-- end of overload -->"
)
PICTURE = PAGE.parent / "pictures" / "overload.png"


@dataclass(frozen=True)
class Step:
    """One rate."""

    multiple: float
    """Of the peak."""

    slow_clients: int
    peak: float
    """Answers per second: the mean of the peaks that were measured before and after it."""

    offered: float
    """Requests per second that were sent: fewer than asked for if all connections waited for an answer."""

    goodput: float
    """Successful requests per second."""

    errors: int
    """Requests that were refused or not answered."""

    p50_ms: float | None
    p99_ms: float | None
    """Of all answers, those of refusals too."""

    load_cpu_share: float
    beside: Mapping[str, Watched]


@dataclass(frozen=True)
class Curve:
    """One scenario."""

    scenario: str
    peak: float
    steps: tuple[Step, ...]


def goodput_share(step: Step) -> float:
    """Return the goodput as a share of what can be answered at this rate."""
    return step.goodput / (step.peak * min(1.0, step.multiple))


def line(step: Step) -> str:
    """Return a step for the terminal."""
    beside = ", ".join(f"{name} {_watched(one)}" for name, one in step.beside.items())
    return (
        f"  {step.multiple:g} times{_slowly(step)}: sent {step.offered:,.0f}/s, goodput {step.goodput:,.0f}/s"
        f" ({goodput_share(step):.0%}), refused {step.errors:,}, p50 {_ms(step.p50_ms)}, p99 {_ms(step.p99_ms)};"
        f" load program {step.load_cpu_share:.0%} of its core; {beside}"
    )


def write_page(curves: Sequence[Curve], *, commit: str, machine: Mapping[str, str]) -> tuple[Path, Path]:
    """Write tables and plot; return their paths."""
    parts = [
        f"Measured at commit {commit}: {machine['processor']}, {machine['cores']} cores.",
        "![Successful requests per second against the rate that was asked for](pictures/overload.png)",
    ]
    for curve in curves:
        table = _table(curve)
        parts += [f"**{table.title}**", to_markdown(table)]
    PAGE.write_text(insert(PAGE.read_text(encoding="utf-8"), "\n\n".join(parts), MARKERS), encoding="utf-8")
    _draw(curves)
    return PAGE, PICTURE


def _table(curve: Curve) -> Table:
    columns = ["rate asked for", "peak around it", "sent", "goodput", "refused", "p50 ms", "p99 ms", *_kinds(curve)]
    rows = [
        [
            f"{step.multiple:g} times the peak{_slowly(step)}",
            f"{step.peak:,.0f}",
            f"{step.offered:,.0f}",
            f"{step.goodput:,.0f} ({goodput_share(step):.0%})",
            f"{step.errors:,}",
            *(f"{value:,.1f}" if value is not None else "-" for value in (step.p50_ms, step.p99_ms)),
            *(_watched(one) for one in step.beside.values()),
        ]
        for step in curve.steps
    ]
    title = f"{rows_text(curve.scenario)} in a request: requests per second, in order of time"
    return Table(title, columns, rows)


def _slowly(step: Step) -> str:
    return f", {step.slow_clients} slow clients" if step.slow_clients else ""


def _kinds(curve: Curve) -> list[str]:
    return [f"{name}: failed, slowest" for name in curve.steps[0].beside]


def _watched(one: Watched) -> str:
    return f"{one.failed} of {one.sent}, {one.slowest_ms:,.0f} ms"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f} ms"


def _draw(curves: Sequence[Curve]) -> None:
    figure = new_figure(7, 4)
    ax = figure.subplots()
    for place, curve in enumerate(curves):
        *before, after, _slow = curve.steps
        steps = sorted(before, key=lambda step: step.multiple)
        shares = [100 * step.goodput / step.peak for step in steps]
        label = rows_text(curve.scenario)
        ax.plot([step.multiple for step in steps], shares, marker="o", color=f"C{place}", label=label)
        share = 100 * after.goodput / after.peak
        ax.plot(after.multiple, share, marker="x", color=f"C{place}", label=f"{label}, right after the overload")
    ax.axhline(90, color="grey", linestyle="--", linewidth=1)
    ax.set(xlabel="rate asked for, multiples of the peak", ylabel="successful requests, % of the peak", ylim=(0, 110))
    ax.legend(fontsize="small", loc="lower right")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    save_figure(figure, PICTURE)
