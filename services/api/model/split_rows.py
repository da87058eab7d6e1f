"""Rows that lie on the split points of a model, to compare two evaluations of it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import xgboost as xgb

from bundle import Contract

__all__ = ["rows_at_splits"]

MISSING_SHARE = 0.1

Matrix = npt.NDArray[np.float32]


class _Shape(msgspec.Struct):
    size_leaf_vector: str


class _Tree(msgspec.Struct):
    split_indices: list[int]
    split_conditions: list[float]
    split_type: list[int]
    left_children: list[int]
    tree_param: _Shape


class _Trees(msgspec.Struct, frozen=True):
    trees: list[_Tree] = []
    weight_drop: list[float] = []
    """Weights of the trees: XGBoost 3.4 saves DART as a gbtree with these."""


class _Booster(msgspec.Struct):
    name: str
    model: _Trees = _Trees()


class _Learner(msgspec.Struct):
    gradient_booster: _Booster


class _Model(msgspec.Struct):
    learner: _Learner


def rows_at_splits(booster: xgb.Booster, contract: Contract, *, rows: int) -> Matrix | None:
    """Return (rows, features) encoded rows; None for a booster whose output is not one plain sum of trees (DART).

    The values of a number are split points, their neighbours on both sides, and some far away; those of a category are
    its codes. One in ten is missing. The rows are the same in every call.
    """
    booster_of = msgspec.json.decode(booster.save_raw("json"), type=_Model).learner.gradient_booster
    trees = booster_of.model.trees
    is_plain = booster_of.name == "gbtree" and not booster_of.model.weight_drop
    if not is_plain or not trees or any(int(tree.tree_param.size_leaf_vector) > 1 for tree in trees):
        return None
    random = np.random.default_rng(1)
    splits = _splits(trees, len(contract.features))
    matrix = np.empty((rows, len(contract.features)), dtype=np.float32)
    for index, feature in enumerate(contract.features):
        if feature.categories is not None:
            values = np.arange(len(feature.categories), dtype=np.float32)
        else:
            values = _around(splits[index])
        matrix[:, index] = random.choice(values, rows)
    matrix[random.random(matrix.shape) < MISSING_SHARE] = np.nan
    return matrix


def _splits(trees: list[_Tree], features: int) -> list[npt.NDArray[np.float32]]:
    found: list[list[float]] = [[] for _ in range(features)]
    for tree in trees:
        nodes: Any = zip(tree.split_indices, tree.split_conditions, tree.split_type, tree.left_children, strict=True)
        for feature, condition, kind, left in nodes:
            if left >= 0 and kind == 0:  # not a leaf, not a categorical split
                found[feature].append(condition)
    return [np.unique(np.array(values, dtype=np.float32)) for values in found]


def _around(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    low, high = (np.nextafter(points, np.float32(end)) for end in (-np.inf, np.inf))
    return np.concatenate([points, low, high, np.array([-1e30, -1, 0, 0.5, 1, 1e30], dtype=np.float32)])
