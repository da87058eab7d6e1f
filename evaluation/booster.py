"""XGBoost itself: load a booster, predict, explain.

Import this only when it is needed: XGBoost and SciPy take 30 MB and a second, and most workers predict without them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from bundle import Contract, InvalidModel

__all__ = ["explain", "load_booster", "predict"]

Matrix = npt.NDArray[np.float32]


def load_booster(content: bytes) -> xgb.Booster:
    """Return the booster in a file's content, with one thread: every worker has a core of its own.

    Raises:
        InvalidModel: not a booster.
    """
    booster = xgb.Booster({"nthread": 1})  # also while it loads: threads of OpenMP do not survive a fork
    try:
        booster.load_model(bytearray(content))
    except xgb.core.XGBoostError as error:
        reason = str(error).partition("\n")[0]  # XGBoost appends a C++ stack
        raise InvalidModel(f"the bundle's model is refused: {reason}") from error
    booster.set_param({"nthread": 1})
    return booster


def predict(booster: xgb.Booster, matrix: Matrix) -> npt.NDArray[np.float32]:
    """Return (n,) or (n, outputs) predictions for (n, features).

    It takes no lock, and gives the same numbers as with a DMatrix.
    """
    return np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)


def explain(booster: xgb.Booster, matrix: Matrix, contract: Contract) -> Matrix:
    """Return (n, features + 1) or (n, outputs, features + 1) SHAP values of the margins, with the base value last.

    Source: Lundberg et al., From local explanations to global understanding with explainable AI for trees, 2020.
    """
    rows = xgb.DMatrix(
        matrix,
        feature_names=[feature.name for feature in contract.features],
        feature_types=contract.feature_types,
        enable_categorical=True,
        nthread=1,
    )
    return np.asarray(booster.predict(rows, pred_contribs=True, validate_features=False), dtype=np.float32)
