"""Make the report of a table: read it, count it, compare it with a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle import Bundle
from pipelines.config.schema import Schema
from pipelines.data_report.batches import Batch, Batches
from pipelines.data_report.drift import Drift, DriftOfTable
from pipelines.data_report.page import render_report
from pipelines.data_report.profile import TableProfile, profile_table

__all__ = ["Report", "make_report"]


@dataclass(frozen=True)
class Report:
    """What was found, and the page."""

    profile: TableProfile
    drifts: tuple[Drift, ...]
    page: str

    def as_json(self) -> dict[str, Any]:
        """Return the numbers for programs."""
        rows = self.profile.rows
        return {
            "rows": rows,
            "first": None if self.profile.first is None else self.profile.first.isoformat(),
            "last": None if self.profile.last is None else self.profile.last.isoformat(),
            "columns": {
                name: {
                    "type": column.kind,
                    "missing_share": column.missing / rows if rows else None,
                    "unreadable": column.unreadable,
                    "minimum": column.minimum,
                    "maximum": column.maximum,
                    "mean": column.mean,
                    "distinct": len(column.texts) or None,
                }
                for name, column in self.profile.columns.items()
            },
            "drift": [
                {
                    "model": drift.model,
                    "rows": drift.rows,
                    "newer_than_training": drift.newer,
                    "psi": {name: found["psi"] for name, found in drift.features.items()},
                    "above_alert": [name for name, found in drift.features.items() if found["above_alert"]],
                }
                for drift in self.drifts
            ],
        }


def make_report(path: Path, schema: Schema, bundle: Bundle | None, *, without_drift: str = "") -> Report:
    """Read a table twice, and return what it has.

    Args:
        bundle: the model to compare with; None: no drift.
        without_drift: why there is no model.

    Raises:
        MissingData, InvalidData: the table cannot be read.
    """
    drift = None if bundle is None else DriftOfTable(bundle, schema)

    def each(batch: Batch) -> None:
        if drift is not None:
            drift.add(batch)

    profile = profile_table(Batches(path, schema), schema, each)
    drifts = tuple(drift.found()) if drift is not None else ()
    page = render_report(profile, schema, drifts, title=f"Data report: {path.name}", without_drift=without_drift)
    return Report(profile, drifts, page)
