"""The reference for drift: distributions of features and scores at training time, and mean contributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb

from bundle import Bins, Contract, Feature, Reference
from bundle.reference import MISSING, OTHER
from pipelines.config.params import EvaluateParams
from pipelines.dataset.rows import Rows
from pipelines.targets.bins import count_values, quantile_edges, range_labels, shares_of
from pipelines.targets.of_type import task_of

__all__ = ["build_reference", "mean_contributions"]

Floats = npt.NDArray[np.float32]


def build_reference(
    train: Rows,
    contract: Contract,
    outputs: Floats,
    *,
    params: EvaluateParams,
    contributions: dict[str, float] | None = None,
) -> Reference:
    """Return the shares of the training rows per bin, and those of the model's outputs for the test rows.

    Features are compared with the training rows. Scores are compared with those of unseen rows: a model is more certain
    about its training rows than about any request.

    Memory: one column of all rows, and its numbers as 32-bit floats twice while they are sorted.
    """
    features = {}
    for feature in contract.features:
        values = train.column(feature.name)
        if feature.type == "category":
            features[feature.name] = _category_bins(values, list(feature.categories or ()), params.category_bins)
        else:
            features[feature.name] = _number_bins(values, feature, params.bins)
    score = task_of(contract.target).score_bins(outputs, params.bins)
    return Reference(features=features, score=score, contributions=contributions)


def mean_contributions(booster: xgb.Booster, matrix: Floats, contract: Contract) -> dict[str, float]:
    """Return the mean absolute SHAP value of every feature over (n, features) rows, and over the classes if there are
    more than two: in log-odds, or in the unit of a regression.

    Source: Lundberg et al., From local explanations to global understanding with explainable AI for trees, 2020.
    """
    names = [feature.name for feature in contract.features]
    rows = xgb.DMatrix(matrix, feature_names=names, feature_types=contract.feature_types, enable_categorical=True)
    values = booster.predict(rows, pred_contribs=True, validate_features=False)
    values = values.reshape(len(matrix), contract.target.outputs, -1)[:, list(task_of(contract.target).explained), :-1]
    means = np.abs(values).mean(axis=(0, 1), dtype=np.float64)  # without the last column, the base value
    return dict(zip(names, means.tolist(), strict=True))


def _number_bins(values: pd.Series[Any], feature: Feature, bins: int) -> Bins:
    present = values.dropna().to_numpy(dtype=np.float32)
    edges = (0.5,) if feature.type == "bool" else quantile_edges(present, bins)
    counts = [*count_values(present, edges), int(values.isna().sum())]
    names = ("false", "true") if feature.type == "bool" else range_labels(edges)
    return Bins(labels=(*names, MISSING), shares=shares_of(counts), edges=edges)


def _category_bins(values: pd.Series[Any], categories: list[str], category_bins: int) -> Bins:
    """Give each of the most frequent categories a bin, and all others one bin together.

    A category that is named like a special bin is counted in that bin, as the API does.
    """
    found, known = values.value_counts(), set(categories)
    seen = dict.fromkeys(category for category in found.index if category in known)
    counts = found.reindex([*seen, *(category for category in categories if category not in seen)], fill_value=0)
    without_code = len(values) - int(counts.sum())
    reserved = counts.index.isin([OTHER, MISSING])
    own, rest = counts[~reserved].iloc[:category_bins], counts[~reserved].iloc[category_bins:]
    labels = [str(label) for label in own.index]
    numbers = [int(count) for count in own]
    if len(rest) or OTHER in categories:
        labels.append(OTHER)
        numbers.append(int(rest.sum()) + int(counts.get(OTHER, 0)))
    return Bins(labels=(*labels, MISSING), shares=shares_of([*numbers, without_code + int(counts.get(MISSING, 0))]))
