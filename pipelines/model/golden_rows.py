"""Golden rows of a model: made rows that lie on its split points, and what XGBoost predicts for them.

The gate records them in the bundle. An evaluation that differs from XGBoost's in one comparison, one category or one
missing value, or adds the leaves in another order, gives other numbers for some of them. No value is from the data:
split points are in the model itself.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from bundle import Bundle, Contract
from bundle.golden_rows import ROWS, BoosterKind, GoldenRows
from pipelines.errors import AlteredData, InvalidData
from pipelines.model.measure import predict

__all__ = ["record_golden_rows", "verify_golden_rows"]

MISSING_SHARE = 0.1
SEED = 1

FAR = (-1e30, -1.0, 0.0, 0.5, 1.0, 1e30)
"""Values in addition to the split points of a number."""

Floats = npt.NDArray[np.float32]


def record_golden_rows(model: bytes, contract: Contract) -> GoldenRows:
    """Return the golden rows of a booster's file: the same in every call.

    The values of a number are split points, their neighbours on both sides, and some far away; those of a category are
    its codes. One in ten is missing.

    Raises:
        InvalidData: the model has other features than the contract.
    """
    booster = xgb.Booster(model_file=bytearray(model))
    if booster.num_features() != len(contract.features):
        raise InvalidData(
            f"the model has {booster.num_features()} features, but its contract has {len(contract.features)}; run: "
            "python -m pipelines.stages.train"
        )
    kind, trees = _trees(booster)
    rows = _rows(_splits(trees, len(contract.features)), contract)
    return GoldenRows(kind, rows, _margins(booster, rows), predict(booster, rows))


def verify_golden_rows(bundle: Bundle, written: GoldenRows) -> None:
    """Check that a bundle, as it was read back, has the rows that were written and the model that predicts them.

    Raises:
        AlteredData: it does not.
    """
    if bundle.golden_rows is None or bundle.golden_rows.to_bytes() != written.to_bytes():
        raise AlteredData("the golden rows in the bundle are not the ones that were written; register the model again")
    booster, rows = xgb.Booster(model_file=bytearray(bundle.model)), bundle.golden_rows.rows
    predicted = GoldenRows(written.booster, rows, _margins(booster, rows), predict(booster, rows))
    if predicted.to_bytes() != written.to_bytes():
        raise AlteredData("the model in the bundle does not predict its golden rows bit for bit; register it again")


def _margins(booster: xgb.Booster, rows: Floats) -> Floats:
    """Return (n,) log-odds, with the call of ``predict``."""
    return np.asarray(booster.inplace_predict(rows, predict_type="margin", validate_features=False), dtype=np.float32)


def _trees(booster: xgb.Booster) -> tuple[BoosterKind, list[dict[str, Any]]]:
    """Return the trees, and whether they have weights. Releases of XGBoost write DART in two ways."""
    found = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    inner = found.get("gbtree", found)["model"]
    is_weighted = found["name"] == "dart" or found.get("weight_drop") or inner.get("weight_drop")
    return "dart" if is_weighted else "gbtree", inner["trees"]


def _splits(trees: list[dict[str, Any]], features: int) -> list[Floats]:
    """Return the split points of every feature, without those of categories."""
    found: list[list[float]] = [[] for _ in range(features)]
    for tree in trees:
        nodes = zip(
            tree["split_indices"], tree["split_conditions"], tree["split_type"], tree["left_children"], strict=True
        )
        for feature, condition, kind, left in nodes:
            if left >= 0 and kind == 0:  # not a leaf, not a categorical split
                found[feature].append(condition)
    return [np.unique(np.array(values, dtype=np.float32)) for values in found]


def _rows(splits: list[Floats], contract: Contract) -> Floats:
    random = np.random.default_rng(SEED)
    matrix = np.empty((ROWS, len(splits)), dtype=np.float32)
    for index, feature in enumerate(contract.features):
        codes = feature.categories
        values = _around(splits[index]) if codes is None else np.arange(len(codes), dtype=np.float32)
        matrix[:, index] = random.permutation(np.resize(values, ROWS))  # each as often as the others
    matrix[random.random(matrix.shape) < MISSING_SHARE] = np.nan
    return matrix


def _around(points: Floats) -> Floats:
    low, high = (np.nextafter(points, np.float32(end)) for end in (-np.inf, np.inf))
    return np.concatenate([points, low, high, np.array(FAR, dtype=np.float32)])
