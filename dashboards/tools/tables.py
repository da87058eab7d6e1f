"""What Grafana makes of instant answers for tables and bar charts: rows, by the transformations that panels use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from dashboards.tools.prometheus import Series

__all__ = ["TRANSFORMATIONS", "Row", "table"]

Row = dict[str, Any]


def table(panel: dict[str, Any], answers: Mapping[str, list[Series]]) -> list[Row]:
    """Return the rows that the panel shows, columns in order."""
    frames = [
        [{**one.labels, f"Value #{ref}" if len(answers) > 1 else "Value": one.last} for one in found]
        for ref, found in answers.items()
    ]
    rows: list[Row] = []
    steps = list(panel.get("transformations", []))
    if steps and steps[0]["id"] == "joinByField":
        rows = _join(frames, steps.pop(0)["options"]["byField"])
    else:
        rows = [row for frame in frames for row in frame]
    for step in steps:
        rows = TRANSFORMATIONS[step["id"]](rows, step["options"])
    return rows


def _join(frames: list[list[Row]], name: str) -> list[Row]:
    joined: dict[Any, Row] = {}
    for frame in frames:
        for row in frame:
            joined.setdefault(row.get(name), {}).update(row)
    return list(joined.values())


def _sort(rows: list[Row], options: Row) -> list[Row]:
    field, last = options["sort"][0]["field"], bool(options["sort"][0].get("desc"))
    if not any(field in row for row in rows):
        return rows  # as in Grafana: no such column, no order

    def key(row: Row) -> tuple[bool, Any]:
        value = row.get(field)
        missing = value is None or (isinstance(value, float) and math.isnan(value))
        return (missing != last, 0 if missing else value)

    return sorted(rows, key=key, reverse=last)


def _convert(rows: list[Row], options: Row) -> list[Row]:
    name = options["conversions"][0]["targetField"]
    return [{**row, name: float(row[name])} if row.get(name) else row for row in rows]


def _organize(rows: list[Row], options: Row) -> list[Row]:
    places, names = options.get("indexByName", {}), options.get("renameByName", {})
    left_out = options.get("excludeByName", {})
    columns = sorted({name for row in rows for name in row}, key=lambda name: (places.get(name, len(places)), name))
    kept = [name for name in columns if not left_out.get(name)]
    return [{names.get(name, name): row.get(name) for name in kept} for row in rows]


TRANSFORMATIONS: dict[str, Callable[[list[Row], Row], list[Row]]] = {
    "convertFieldType": _convert,
    "organize": _organize,
    "sortBy": _sort,
}
"""joinByField is not here: it comes first, and makes rows of frames."""
