"""Who evaluates the trees: lignum where it gives XGBoost's numbers bit for bit, else XGBoost itself.

lignum walks the same trees in a small part of the time, but it is young. ``examination`` compares the two on every
model that is loaded. docs/adr/0018-evaluation-of-trees.md compares it with other evaluators.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "DIFFERENT",
    "FAILED",
    "REASONS",
    "UNSUPPORTED",
    "VERIFIED",
    "Evaluator",
    "lignum_evaluator",
    "load_lignum",
    "xgboost_evaluator",
]

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]

VERIFIED, UNSUPPORTED, DIFFERENT, FAILED = "verified", "unsupported", "different", "failed"
REASONS = (VERIFIED, UNSUPPORTED, DIFFERENT, FAILED)
"""lignum is used only for the first."""


@dataclass(frozen=True)
class Evaluator:
    """Predicts with one model; threads may share it."""

    name: str
    """lignum or xgboost."""

    reason: str
    """One of REASONS."""

    predict: Callable[[Matrix], Vector]
    """(n,) probabilities for (n, features) float32, with NaN for missing values."""


def lignum_evaluator(content: bytes) -> Evaluator:
    """Return lignum's evaluation of a booster's file."""
    model = load_lignum(content)

    def predict(matrix: Matrix) -> Vector:
        return model.predict(matrix, n_jobs=1).astype(np.float32)  # type: ignore[no-any-return]

    return Evaluator("lignum", VERIFIED, predict)


def xgboost_evaluator(content: bytes, reason: str) -> Evaluator:
    """Return XGBoost's evaluation of a booster's file, and why it is not lignum's."""
    from services.api.model import booster as xgboost

    loaded = xgboost.load_booster(content)
    return Evaluator("xgboost", reason, lambda matrix: xgboost.predict(loaded, matrix))


def load_lignum(content: bytes) -> Any:
    """Return lignum's model of a booster's file."""
    import lignum

    descriptor = os.memfd_create("model")  # it loads files only, and this one cannot change
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        return lignum.load(f"/proc/self/fd/{descriptor}", format="xgboost")
    finally:
        os.close(descriptor)
