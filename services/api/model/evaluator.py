"""Who evaluates the trees: lignum where it gives XGBoost's numbers bit for bit, else XGBoost itself.

lignum walks the same trees in a sixth of the time for one row and in less than half for a thousand. It is young, so it
is trusted only after it has been compared with XGBoost on this very model, on rows that lie on the split points.
docs/adr/0018-evaluation-of-trees.md compares it with other evaluators.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from bundle import Contract
from services.api.model.split_rows import rows_at_splits

__all__ = ["DIFFERENT", "FAILED", "REASONS", "UNSUPPORTED", "VERIFIED", "Evaluator", "choose_evaluator"]

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]

VERIFIED, UNSUPPORTED, DIFFERENT, FAILED = "verified", "unsupported", "different", "failed"
REASONS = (VERIFIED, UNSUPPORTED, DIFFERENT, FAILED)
"""lignum is used only for the first."""

ROWS = 10_000

log = logging.getLogger("espalier.api.model")


@dataclass(frozen=True)
class Evaluator:
    """Predicts with one model; threads may share it."""

    name: str
    """lignum or xgboost."""

    reason: str
    """One of REASONS."""

    predict: Callable[[Matrix], Vector]
    """(n,) probabilities for (n, features) float32, with NaN for missing values."""


def choose_evaluator(booster: xgb.Booster, content: bytes, contract: Contract) -> Evaluator:
    """Return the fastest evaluator that gives XGBoost's numbers; ``content`` is the file of the booster."""
    try:
        reason, predict = _try_lignum(booster, content, contract)
    except Exception as error:  # whatever is wrong with it, XGBoost can predict
        log.warning("lignum cannot evaluate this model", extra={"error": str(error).partition("\n")[0][:200]})
        reason, predict = FAILED, None
    if predict is not None:
        return Evaluator("lignum", reason, predict)
    return Evaluator("xgboost", reason, lambda matrix: _by_xgboost(booster, matrix))


def _try_lignum(
    booster: xgb.Booster, content: bytes, contract: Contract
) -> tuple[str, Callable[[Matrix], Vector] | None]:
    rows = rows_at_splits(booster, contract, rows=ROWS)
    if rows is None:
        return UNSUPPORTED, None
    model = _load(content)

    def predict(matrix: Matrix) -> Vector:
        return model.predict(matrix, n_jobs=1).astype(np.float32)  # type: ignore[no-any-return]

    margins = booster.inplace_predict(rows, predict_type="margin", validate_features=False)
    is_equal = np.array_equal(model.predict(rows, raw_score=True, n_jobs=1).astype(np.float32), np.ravel(margins))
    if not is_equal or not np.array_equal(predict(rows), _by_xgboost(booster, rows)):
        log.warning("lignum differs from XGBoost on this model")
        return DIFFERENT, None
    return VERIFIED, predict


def _by_xgboost(booster: xgb.Booster, matrix: Matrix) -> Vector:
    # It copies no rows, takes no lock, and gives the same numbers as with a DMatrix.
    return np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)


def _load(content: bytes) -> Any:
    import lignum

    descriptor = os.memfd_create("model")  # it loads files only, and this one cannot change
    try:
        os.write(descriptor, content)
        return lignum.load(f"/proc/self/fd/{descriptor}", format="xgboost")
    finally:
        os.close(descriptor)
