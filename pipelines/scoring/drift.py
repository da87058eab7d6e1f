"""How the rows of a batch differ from those of training: the same bins, floor and threshold as the drift alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import Bins, Contract, Reference
from bundle.reference import MIN_PSI_ROWS, MISSING
from evaluation.bins import DriftCounter
from pipelines.model.expected_drift import stability_index
from pipelines.scoring.record import Counts, RunRecord

__all__ = ["ALERT_PSI", "NATURAL_FACTOR", "BatchCounter", "compare_bins", "drift_report"]

ALERT_PSI, NATURAL_FACTOR = 0.25, 1.5
"""The drift alert fires above the larger of this PSI and this many times the natural one (alerts/drift.yaml)."""

Matrix = npt.NDArray[np.float32]


class BatchCounter:
    """Counts rows and scores into the bins of a bundle's reference."""

    def __init__(self, contract: Contract, reference: Reference) -> None:
        """Prepare the bins."""
        self._counter = DriftCounter(contract, reference)
        self._width = len(contract.features)
        self._score_bins = len(reference.score.labels)

    def count_nothing(self) -> Counts:
        """Return the counts of no rows."""
        return self.count(np.empty((0, self._width), np.float32), np.empty(0, np.float32), {})

    def count(self, matrix: Matrix, scores: Matrix, labels: dict[str, int], *, refused: int = 0) -> Counts:
        """Count (n, features) encoded rows and their (n,) scores, with the labels that they got.

        Args:
            matrix: without the ``refused`` rows, which have no prediction.
            scores: of the same rows.
            labels: label to number of rows.
            refused: how many.
        """
        score = [0] * self._score_bins
        for place, number in self._counter.score.count(scores):
            score[place] = number
        return Counts(
            rows=len(matrix) + refused,
            refused=refused,
            labels=labels,
            features=tuple(self._counter.count(matrix).tolist()),
            score=tuple(score),
        )


def drift_report(run: RunRecord, contract: Contract, reference: Reference, counts: Counts) -> dict[str, Any]:
    """Return the drift of all partitions of a run together, for JSON."""
    features, begin = {}, 0
    for feature in contract.features:
        bins = reference.features[feature.name]
        features[feature.name] = compare_bins(bins, counts.features[begin : begin + len(bins.labels)])
        begin += len(bins.labels)
    predicted = counts.rows - counts.refused
    return {
        "format": 1,
        "run": run.model_dump(mode="json"),
        "rows": counts.rows,
        "refused_rows": counts.refused,
        "min_psi_rows": MIN_PSI_ROWS,
        "score": compare_bins(reference.score, counts.score),
        "labels": {
            label: {
                "share": count / predicted if predicted else None,
                "training_share": (reference.label_shares or {}).get(label),
            }
            for label, count in counts.labels.items()
        },
        "features": features,
    }


def compare_bins(bins: Bins, counts: Sequence[int]) -> dict[str, Any]:
    """Return the PSI of counts against the training shares of the same bins, with the limits of the alert."""
    rows = sum(counts)
    shares = np.asarray(counts, dtype=np.float64) / max(rows, 1)
    psi = float(stability_index(shares, np.asarray(bins.shares))) if rows >= MIN_PSI_ROWS else None
    natural = bins.natural_psi
    limit = max(ALERT_PSI, NATURAL_FACTOR * (natural or 0))
    missing = bins.labels.index(MISSING) if MISSING in bins.labels else None
    return {
        "psi": psi,
        "natural_psi": natural,
        "above_natural": None if psi is None or natural is None else psi > natural,
        "alert_psi": limit,
        "above_alert": None if psi is None else psi > limit,
        "missing_share": None if missing is None or not rows else float(shares[missing]),
        "natural_missing_share": bins.natural_missing_share,
        "bins": [
            {"bin": label, "share": float(share), "training_share": expected}
            for label, share, expected in zip(bins.labels, shares, bins.shares, strict=True)
        ],
    }
