"""The verdict as aligned text, for a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.gate.checks import Verdict
from pipelines.gate.evidence import Evidence

__all__ = ["verdict_lines"]

SHOWN_SLICES = 5


def verdict_lines(verdict: Verdict) -> list[str]:
    """Return the checks, the numbers of the comparison, and the slices with the lowest gains, one line each."""
    lines = [f"verdict: {verdict.kind.replace('_', ' ')}, {'passed' if verdict.passed else 'rejected'}"]
    rows = [["check", "found", "", "required"]] + [
        [check.name, f"{check.found:.{check.digits}f}", "ok" if check.passed else "FAILED", check.wanted]
        for check in verdict.checks
    ]
    lines += _aligned(rows) if verdict.checks else []
    lines += [f"  not compared: {refusal}" for refusal in verdict.refusals]
    if verdict.evidence is not None:
        lines += _aligned(list(numbers(verdict.evidence)))
        lines += _slices(verdict.evidence)
    return lines


def numbers(evidence: Evidence) -> Iterator[list[str]]:
    """Yield the name and the text of each number of a comparison."""
    data = "newer data" if evidence.newer else "no newer data"
    bounds = f"from {evidence.lower:+.4f} to {evidence.upper:+.4f}"
    yield ["champion", f"version {evidence.champion_version}, {evidence.champion:.4f}"]
    yield ["candidate", f"{evidence.candidate:.4f}, trained on {data}"]
    yield ["gain", f"{evidence.gain:+.4f}, {bounds} (standard error {evidence.error:.4f})"]
    yield ["margins", f"better above {evidence.min_improvement:g}, not worse above {0 - evidence.max_loss:g}"]
    yield ["certainty", f"each bound is wrong in at most {evidence.level:.3%} of cases"]
    yield ["comparison", f"number {evidence.comparison} with this champion"]
    yield ["rows", f"{evidence.rows:,} of {evidence.test_rows:,}, in {evidence.blocks:,} blocks of {evidence.block}"]
    if evidence.neighbours is not None:
        hint = "; use longer blocks (register.gate.block)" if evidence.neighbours_are_alike else ""
        yield ["neighbouring blocks", f"correlation {evidence.neighbours:.2f}{hint}"]
    if evidence.rows_to_decide is not None:
        yield ["rows that would decide", f"about {evidence.rows_to_decide:,}, if the gain stays as it is"]
    yield from _of_both("calibration error", evidence.calibration_errors)
    yield from _of_both("coverage of the interval", evidence.coverages)


def _of_both(name: str, values: Mapping[str, float]) -> Iterator[list[str]]:
    if "candidate" in values:
        champion = f", champion {values['champion']:.4f}" if "champion" in values else ""
        yield [name, f"{values['candidate']:.4f}{champion}"]


def _slices(evidence: Evidence) -> list[str]:
    if not evidence.slices:
        return []
    lowest = sorted(evidence.slices, key=lambda slice_: slice_.gain)[:SHOWN_SLICES]
    rows = [["slice", "rows", "gain", "from", "to", "p"]] + [
        [
            f"{slice_.column} {slice_.value}",
            f"{slice_.rows:,}",
            *(f"{value:+.4f}" for value in (slice_.gain, slice_.lower, slice_.upper)),
            f"{slice_.p:.2g}",
        ]
        for slice_ in lowest
    ]
    return [f"the {len(lowest)} of {len(evidence.slices)} slices with the lowest gain:", *_aligned(rows)]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
