"""What a prediction is in the output, and what is counted of it: the only place here that knows types of targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bundle import Target
from bundle.quantiles import in_order

__all__ = ["count_labels", "no_outputs", "prediction_columns"]

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def prediction_columns(target: Target, outputs: Floats, refused: Mask | None = None) -> tuple[dict[str, Any], Floats]:
    """Return a pyarrow.Array for each column of the predictions, named as in the API's Arrow answers; and (n,) scores,
    which are counted into the bins of the reference, as in the API.

    Args:
        target: what is predicted.
        outputs: (n,) or (n, outputs), what the evaluator returned.
        refused: (n,) rows without a prediction, which is null.
    """
    if target.type == "regression":
        values = _values(target, outputs)
        return {name: pa.array(column, mask=refused) for name, column in values.items()}, values["value"]
    codes = _codes(target, outputs)
    label = pa.DictionaryArray.from_arrays(pa.array(codes, mask=refused), pa.array(target.classes))
    if target.type == "binary":
        return {"label": label, "probability": pa.array(outputs, mask=refused)}, outputs
    probabilities = {
        f"probability.{name}": pa.array(np.ascontiguousarray(column), mask=refused)
        for name, column in zip(target.classes, outputs.T, strict=True)
    }
    return {"label": label, **probabilities}, codes.astype(np.float32)


def count_labels(columns: dict[str, Any]) -> dict[str, int]:
    """Return how many rows have each label, from what ``prediction_columns`` returned; empty if it has no labels."""
    label = columns.get("label")
    if label is None:
        return {}
    places = label.indices.drop_null().to_numpy(zero_copy_only=False)
    counts = np.bincount(places, minlength=len(label.dictionary))
    return dict(zip(label.dictionary.to_pylist(), counts.tolist(), strict=True))


def no_outputs(target: Target) -> Floats:
    """Return the outputs of no rows."""
    return np.empty(0 if target.outputs == 1 else (0, target.outputs), dtype=np.float32)


def _codes(target: Target, outputs: Floats) -> npt.NDArray[np.int8]:
    """Return (n,) codes of the predicted classes."""
    if target.threshold is not None:
        return (outputs >= target.threshold).astype(np.int8)
    return np.asarray(outputs.argmax(axis=1), dtype=np.int8)


def _values(target: Target, outputs: Floats) -> dict[str, Floats]:
    if not target.quantiles:
        return {"value": outputs}
    lower, median, upper = (np.ascontiguousarray(column) for column in in_order(outputs).T)
    return {"value": median, "lower": lower, "upper": upper}
