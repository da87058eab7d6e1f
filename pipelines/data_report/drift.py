"""How far a table is from the training rows of a model: the PSI of every feature, as the alerts measure it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundle import Bundle
from evaluation.bins import DriftCounter
from pipelines.config.schema import Schema, TimeColumn
from pipelines.data_report.batches import Batch
from pipelines.dataset.times import wall_clock_of
from pipelines.scoring.drift import compare_bins

__all__ = ["Drift", "DriftOfTable"]


@dataclass(frozen=True)
class Drift:
    """Drift of some rows against a model's training rows."""

    model: str
    rows: int
    newer: bool
    """Whether these are only the rows after the newest training row."""

    features: dict[str, dict[str, Any]]
    """By feature: ``psi`` (None for too few rows), ``alert_psi``, ``above_alert``, ``bins``."""


class DriftOfTable:
    """Counts the rows of a table into the bins of a model."""

    def __init__(self, bundle: Bundle, schema: Schema) -> None:
        """Prepare the bins of the features that the table has."""
        self._bundle, identity = bundle, bundle.manifest.identity
        self._model = f"{identity.name} version {identity.version}"
        self._names = set(schema.feature_names)
        self._counter = DriftCounter(bundle.contract, bundle.reference)
        self._all, self._new = np.zeros((2, self._counter.bins), dtype=np.int64)
        self._rows = self._new_rows = 0
        self._until = _until(bundle, schema.time)

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        matrix = self._encode(batch)
        self._all += self._counter.count(matrix)
        self._rows += len(matrix)
        if self._until is not None and batch.times is not None:
            newer = (batch.times > self._until).to_numpy(dtype=bool)
            self._new += self._counter.count(matrix[newer])
            self._new_rows += int(newer.sum())

    def found(self) -> list[Drift]:
        """Return the drift of all rows, and that of the newer ones if there are some and others too."""
        drifts = [self._of(self._all, self._rows, newer=False)]
        if 0 < self._new_rows < self._rows:
            drifts.append(self._of(self._new, self._new_rows, newer=True))
        return drifts

    def _encode(self, batch: Batch) -> npt.NDArray[np.float32]:
        matrix = np.full((batch.rows, len(self._bundle.contract.features)), np.nan, dtype=np.float32)
        for place, feature in enumerate(self._bundle.contract.features):
            if feature.categories is not None and feature.name in batch.texts:
                codes = batch.texts[feature.name].map(feature.categories)
                matrix[:, place] = codes.to_numpy(dtype=np.float32, na_value=np.nan)
            elif feature.categories is None and feature.name in batch.numbers:
                numbers = batch.numbers[feature.name]
                with np.errstate(over="ignore"):
                    matrix[:, place] = np.where(np.isfinite(numbers), numbers, np.nan)
        return matrix

    def _of(self, counts: npt.NDArray[np.int64], rows: int, *, newer: bool) -> Drift:
        features, begin = {}, 0
        for feature in self._bundle.contract.features:
            bins = self._bundle.reference.features[feature.name]
            if feature.name in self._names:
                features[feature.name] = compare_bins(bins, counts[begin : begin + len(bins.labels)].tolist())
            begin += len(bins.labels)
        return Drift(self._model, rows, newer, features)


def _until(bundle: Bundle, time: TimeColumn | None) -> pd.Timestamp | None:
    """Return the newest time that the model was trained on, as a local time of the table."""
    until: datetime | None = bundle.manifest.lineage.data_until
    if until is None or time is None:
        return None
    return wall_clock_of(until, time)
