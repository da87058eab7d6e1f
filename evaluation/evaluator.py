"""Who evaluates the trees: lignum where it gives XGBoost's numbers bit for bit, else XGBoost itself.

lignum walks the same trees in a small part of the time, but it is young. ``examination`` compares it, for every model
that is loaded, with what XGBoost predicted at the gate. docs/adr/0018-evaluation-of-trees.md compares it with others.

It has two kernels, which give the same numbers: one compares values, the other first assigns them to bins. The first
one is faster for numbers (by 16 %), and much slower as soon as there are categories or missing values.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import Contract

__all__ = [
    "DIFFERENT",
    "FAILED",
    "NO_GOLDEN_ROWS",
    "REASONS",
    "UNSUPPORTED",
    "VERIFIED",
    "XGBOOST_DIFFERENT",
    "Evaluator",
    "create_evaluator",
    "lignum_evaluator",
    "load_lignum",
    "predict_with_lignum",
    "xgboost_evaluator",
]

Matrix = npt.NDArray[np.float32]

VERIFIED = "verified"
"""lignum gives the golden rows' numbers, bit for bit. Only then is it used."""

UNSUPPORTED = "unsupported"
"""Trees with weights (DART), or a model of several quantiles."""

DIFFERENT = "different"
"""lignum gives other numbers."""

FAILED = "failed"
"""lignum cannot load the model, or crashes."""

NO_GOLDEN_ROWS = "no_golden_rows"
"""The bundle is of an earlier format, so there is nothing to compare with."""

XGBOOST_DIFFERENT = "xgboost_different"
"""The installed XGBoost gives other numbers than the one at the gate, and lignum cannot be used either."""

REASONS = (VERIFIED, UNSUPPORTED, DIFFERENT, FAILED, NO_GOLDEN_ROWS, XGBOOST_DIFFERENT)


@dataclass(frozen=True)
class Evaluator:
    """Predicts with one model; threads may share it."""

    name: str
    """lignum or xgboost."""

    reason: str
    """One of REASONS."""

    predict: Callable[[Matrix], Matrix]
    """(n,) or (n, outputs) predictions for (n, features) float32, with NaN for missing values."""


def create_evaluator(content: bytes, contract: Contract, reason: str) -> Evaluator:
    """Return who evaluates a booster's file, as ``examination.examine`` has decided.

    Raises:
        InvalidModel: not a booster.
    """
    return lignum_evaluator(content, contract) if reason == VERIFIED else xgboost_evaluator(content, reason)


def lignum_evaluator(content: bytes, contract: Contract) -> Evaluator:
    """Return lignum's evaluation of a booster's file."""
    model = load_lignum(content, contract)
    return Evaluator("lignum", VERIFIED, lambda matrix: predict_with_lignum(model, matrix))


def predict_with_lignum(model: Any, matrix: Matrix, *, raw_score: bool = False) -> Matrix:
    """Return (n,) or (n, outputs) predictions, or margins if ``raw_score``, for (n, features)."""
    return model.predict(matrix, raw_score=raw_score, n_jobs=1).astype(np.float32)  # type: ignore[no-any-return]


def xgboost_evaluator(content: bytes, reason: str) -> Evaluator:
    """Return XGBoost's evaluation of a booster's file, and why it is not lignum's."""
    from evaluation import booster as xgboost

    loaded = xgboost.load_booster(content)
    return Evaluator("xgboost", reason, lambda matrix: xgboost.predict(loaded, matrix))


def load_lignum(content: bytes, contract: Contract) -> Any:
    """Return lignum's model of a booster's file, with the kernel that is faster for what the contract allows."""
    import lignum

    binned = any(feature.nullable or feature.categories is not None for feature in contract.features)
    descriptor = os.memfd_create("model")  # it loads files only, and this one cannot change
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        return lignum.load(f"/proc/self/fd/{descriptor}", format="xgboost", binned=binned)
    finally:
        os.close(descriptor)
