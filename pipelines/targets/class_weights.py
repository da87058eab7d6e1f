"""How much a training row of each class counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipelines.config.train_params import ClassWeights
from pipelines.targets.task import Truth

__all__ = ["Weights", "class_weights"]

Weights = npt.NDArray[np.float32]
"""(classes,) by code."""


def class_weights(truth: Truth, wanted: ClassWeights | None, classes: Sequence[str]) -> Weights | None:
    """Return the weight of each class; None if every row counts the same.

    ``balanced`` gives every class the same weight in total, and all rows together the weight that they had.

    Args:
        truth: (n,) codes of the classes of the training rows.
        classes: names, by code.
    """
    if wanted is None:
        return None
    if isinstance(wanted, dict):
        return np.array([wanted.get(name, 1.0) for name in classes], dtype=np.float32)
    counts = np.bincount(truth, minlength=len(classes))
    return (len(truth) / (len(classes) * np.maximum(counts, 1))).astype(np.float32)
