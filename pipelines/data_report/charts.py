"""Small charts as SVG, which is part of the page: bars and lines."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["bars", "line"]

WIDTH, HEIGHT = 280, 60
BLUE, GREY, RED = "#3a6ea5", "#bbb", "#b3423a"


def bars(counts: Sequence[int], labels: Sequence[str], *, reference: Sequence[float] | None = None) -> str:
    """Return a histogram; the mouse shows label and count of a bar.

    Args:
        reference: shares to compare with, drawn as lines.
    """
    total, width = sum(counts) or 1, WIDTH / max(1, len(counts))
    shares = [count / total for count in counts]
    top = max([*shares, *(reference or ()), 1e-9])
    drawn = []
    for place, (share, count, label) in enumerate(zip(shares, counts, labels, strict=True)):
        height = HEIGHT * share / top
        drawn.append(
            f'<rect x="{place * width:.1f}" y="{HEIGHT - height:.1f}" width="{max(0.5, width - 1):.1f}" '
            f'height="{height:.1f}" fill="{BLUE}"><title>{escape(label)}: {count:,} ({share:.1%})</title></rect>'
        )
    for place, share in enumerate(reference or ()):
        y = HEIGHT - HEIGHT * share / top
        ends = f'x1="{place * width:.1f}" x2="{(place + 1) * width:.1f}"'
        drawn.append(f'<line {ends} y1="{y:.1f}" y2="{y:.1f}" stroke="{RED}"/>')
    return _picture("distribution", drawn)


def line(values: Sequence[float | None], labels: Sequence[str], *, lowest: float | None = None) -> str:
    """Return the course of a value; a gap where there is none.

    Args:
        lowest: end of the scale; None: the lowest value.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low = min(known) if lowest is None else lowest
    span = (max(known) - low) or 1.0
    step = WIDTH / max(1, len(values) - 1)
    drawn = [f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}" stroke="{GREY}"/>']
    before: tuple[float, float] | None = None
    for place, (value, label) in enumerate(zip(values, labels, strict=True)):
        if value is None:
            before = None
            continue
        x, y = place * step, HEIGHT - 2 - (HEIGHT - 4) * (value - low) / span
        if before is not None:
            drawn.append(f'<line x1="{before[0]:.1f}" y1="{before[1]:.1f}" x2="{x:.1f}" y2="{y:.1f}" stroke="{BLUE}"/>')
        tooltip = f"<title>{escape(label)}: {value:.4g}</title>"
        drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.8" fill="{BLUE}">{tooltip}</circle>')
        before = x, y
    return _picture("course over time", drawn)


def _picture(name: str, drawn: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{name}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f"{''.join(drawn)}</svg>"
    )
