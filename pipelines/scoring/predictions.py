"""The columns that a prediction has in the output. The only place that knows the kinds of targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bundle import Target

__all__ = ["count_labels", "prediction_columns"]

Scores = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def prediction_columns(target: Target, scores: Scores, refused: Mask | None = None) -> dict[str, Any]:
    """Return a pyarrow.Array for each column of the predictions.

    Args:
        target: what is predicted.
        scores: (n,) what the evaluator returned, for two classes the probability of the positive one.
        refused: (n,) rows without a prediction, which is null.
    """
    positive = (scores >= target.threshold).astype(np.int8)
    labels = pa.DictionaryArray.from_arrays(pa.array(positive, mask=refused), pa.array(target.classes))
    return {"label": labels, "probability": pa.array(scores, mask=refused)}


def count_labels(columns: dict[str, Any]) -> dict[str, int]:
    """Return how many rows have each label, from what ``prediction_columns`` returned; empty if it has no labels."""
    label = columns.get("label")
    if label is None:
        return {}
    places = label.indices.drop_null().to_numpy(zero_copy_only=False)
    counts = np.bincount(places, minlength=len(label.dictionary))
    return dict(zip(label.dictionary.to_pylist(), counts.tolist(), strict=True))
