"""Numbers with their units, as short as Grafana writes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["UNITS", "scale_of", "show"]

THOUSANDS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
BINARY = ((2.0**30, " GiB"), (2.0**20, " MiB"), (2.0**10, " KiB"))
TIMES = ((604800.0, " weeks"), (86400.0, " days"), (3600.0, " hours"), (60.0, " min"), (1.0, " s"), (1e-3, " ms"))
WEEKS_FROM = 10
SUFFIXES = {"reqps": " req/s", "rowsps": " rows/s", "percent": " %", "short": "", "none": ""}


def show(value: object, unit: str, decimals: int | None = None) -> str:
    """Return a value as text; what is no number is returned as it is."""
    if not isinstance(value, int | float):
        return "" if value is None else str(value)
    if math.isnan(value) or math.isinf(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
    if unit == "none" and decimals is None:
        return f"{value:,.6g}"
    write = SPECIAL.get(unit)
    return write(value, decimals) if write else _scaled(value, THOUSANDS, "", decimals) + SUFFIXES.get(unit, "")


def scale_of(unit: str, value: float) -> float:
    """Return what ticks of an axis up to a value are multiples of a round number of."""
    sizes = {"bytes": [one for one, _ in BINARY], "s": [one for one, _ in TIMES], "percentunit": [0.01]}.get(unit, [])
    first = int(unit == "s" and abs(value) < WEEKS_FROM * TIMES[0][0])
    return next((one for one in sizes[first:] if abs(value) >= one), 1.0)


def _seconds(value: float, decimals: int | None) -> str:
    size = scale_of("s", value)
    if abs(value) >= size:
        return _digits(value / size, decimals) + dict(TIMES)[size]
    return f"{_digits(value * 1e3, decimals)} ms" if value else "0 s"


def _scaled(value: float, scale: tuple[tuple[float, str], ...], small: str, decimals: int | None) -> str:
    for size, suffix in scale:
        if abs(value) >= size:
            return _digits(value / size, decimals) + suffix
    return _digits(value, decimals) + small


def _digits(value: float, decimals: int | None) -> str:
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"  # noqa: PLR2004


SPECIAL: dict[str, Callable[[float, int | None], str]] = {
    "bytes": lambda value, decimals: _scaled(value, BINARY, " B", decimals),
    "dateTimeAsIso": lambda value, _: datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
    "percentunit": lambda value, decimals: f"{_digits(value * 100, decimals)} %",
    "s": _seconds,
}
UNITS = {*SUFFIXES, *SPECIAL, "string"}
"""Every unit that can be shown; a test holds the dashboards to it."""
