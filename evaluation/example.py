"""What a model predicts for the example of its contract, as a check that it fits its target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import Contract, InvalidModel, Target
from evaluation.encoding import encode

__all__ = ["check_example"]

SUM_TOLERANCE = 1e-4
"""Of probabilities that add up to 1, as in the golden rows."""

Floats = npt.NDArray[np.float32]


def check_example(contract: Contract, predict: Callable[[Floats], Any]) -> None:
    """Predict the example.

    Args:
        contract: with the example and the target.
        predict: from (n, features) to (n,) or (n, outputs).

    Raises:
        InvalidModel: another number of outputs, or numbers that are no prediction of such a target.
    """
    target, found = contract.target, np.asarray(predict(encode([contract.example], contract)))
    wanted = (1,) if target.outputs == 1 else (1, target.outputs)
    if found.shape != wanted:
        raise InvalidModel(
            f"the bundle's model has {found.size} output(s) for a row, but its target, which is {target.type}, has "
            f"{target.outputs}"
        )
    if not _is_prediction(found.astype(np.float64), target):
        numbers = ", ".join(map(str, found.ravel().tolist()))
        raise InvalidModel(f"the bundle's model predicts {numbers} for its own example, which is not {_kind(target)}")


def _is_prediction(found: npt.NDArray[np.float64], target: Target) -> bool:
    if target.type == "regression":
        return bool(np.isfinite(found).all())
    are_shares = bool(((found >= 0) & (found <= 1)).all())
    return are_shares and (target.type == "binary" or abs(found.sum() - 1) <= SUM_TOLERANCE)


def _kind(target: Target) -> str:
    kinds = {
        "binary": "a probability",
        "multiclass": "a list of probabilities that add up to 1",
        "regression": "a finite number",
    }
    return kinds[target.type]
