"""The reference for drift: distributions of features and scores at training time, and mean contributions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb

from bundle import Bins, Contract, Feature, Reference
from bundle.reference import MISSING, OTHER
from pipelines.config.params import EvaluateParams

__all__ = ["build_reference", "mean_contributions", "score_bins"]

Floats = npt.NDArray[np.float32]

RARE = 0.001
"""Largest share of the training rows in each of the two outer bins."""

SMALL, LARGE = 1e-4, 1e16
"""Numbers between them are written without an exponent."""


def build_reference(
    train: pd.DataFrame,
    contract: Contract,
    scores: Floats,
    *,
    params: EvaluateParams,
    contributions: dict[str, float] | None = None,
) -> Reference:
    """Return the shares of the training rows per bin, and those of the scores of the test rows.

    Features are compared with the training rows. Scores are compared with those of unseen rows: a model is more certain
    about its training rows than about any request.
    """
    features = {}
    for feature in contract.features:
        values = train[feature.name]
        if feature.type == "category":
            features[feature.name] = _category_bins(values, list(feature.categories or ()), params.category_bins)
        else:
            features[feature.name] = _number_bins(values, feature, params.bins)
    return Reference(features=features, score=score_bins(scores, params.bins), contributions=contributions)


def mean_contributions(booster: xgb.Booster, matrix: Floats, contract: Contract) -> dict[str, float]:
    """Return the mean absolute SHAP value of every feature over (n, features) rows, in log-odds.

    Source: Lundberg et al., From local explanations to global understanding with explainable AI for trees, 2020.
    """
    names = [feature.name for feature in contract.features]
    rows = xgb.DMatrix(matrix, feature_names=names, feature_types=contract.feature_types, enable_categorical=True)
    values = booster.predict(rows, pred_contribs=True, validate_features=False)
    means = np.abs(values[:, :-1]).mean(axis=0, dtype=np.float64)  # the last column is the base value
    return dict(zip(names, means.tolist(), strict=True))


def score_bins(scores: Floats, bins: int) -> Bins:
    """Return ``bins`` bins of equal width between 0 and 1."""
    edges = _as_float32(np.linspace(0, 1, bins + 1)[1:-1])
    return Bins(labels=_labels(edges), shares=_shares(_count(scores, edges)), edges=edges)


def _number_bins(values: pd.Series[Any], feature: Feature, bins: int) -> Bins:
    present = values.dropna().to_numpy(dtype=np.float32)
    edges = (0.5,) if feature.type == "bool" else _inner_edges(present, bins)
    counts = [*_count(present, edges), int(values.isna().sum())]
    names = ("false", "true") if feature.type == "bool" else _range_labels(edges)
    return Bins(labels=(*names, MISSING), shares=_shares(counts), edges=edges)


def _inner_edges(present: Floats, bins: int) -> tuple[float, ...]:
    """Return quantiles, so that bins have about equal shares; fewer bins if values repeat. An extra bin at each end
    holds values that were rare in training: a changed unit shows there first."""
    if not len(present):
        return ()
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = _as_float32(np.quantile(present, [RARE, *inner, 1 - RARE]))
    beyond = float(
        np.nextafter(np.float32(edges[-1]), np.float32(np.inf))
    )  # the last bin excludes the last quantile itself
    return tuple(sorted({*edges[:-1], beyond}))


def _category_bins(values: pd.Series[Any], categories: list[str], category_bins: int) -> Bins:
    """Give each of the most frequent categories a bin, and all others one bin together.

    A category that is named like a special bin is counted in that bin, as the API does.
    """
    seen = [category for category in values.value_counts().index if category in set(categories)]
    unseen = [category for category in categories if category not in set(seen)]
    counts = values.value_counts().reindex([*seen, *unseen], fill_value=0)
    without_code = len(values) - int(counts.sum())
    reserved = counts.index.isin([OTHER, MISSING])
    own, rest = counts[~reserved].iloc[:category_bins], counts[~reserved].iloc[category_bins:]
    labels = [str(label) for label in own.index]
    numbers = [int(count) for count in own]
    if len(rest) or OTHER in categories:
        labels.append(OTHER)
        numbers.append(int(rest.sum()) + int(counts.get(OTHER, 0)))
    return Bins(labels=(*labels, MISSING), shares=_shares([*numbers, without_code + int(counts.get(MISSING, 0))]))


def _count(values: Floats, edges: tuple[float, ...]) -> list[int]:
    places = np.searchsorted(np.asarray(edges, dtype=np.float32), values, side="right")
    return [int(count) for count in np.bincount(places, minlength=len(edges) + 1)]


def _shares(counts: list[int]) -> tuple[float, ...]:
    total = sum(counts)
    return tuple(count / total for count in counts)


def _labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    texts = [_text(edge) for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(texts)]
    return (f"below {texts[0]}", *between, f"{texts[-1]} and above")


def _range_labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Return labels for bins whose last edge lies just above a quantile: the label shows the quantile."""
    if not edges:
        return ("any",)
    texts = [_text(edge) for edge in edges[:-1]]
    texts.append(_text(float(np.nextafter(np.float32(edges[-1]), np.float32(-np.inf)))))
    between = [f"{low} to {high}" for low, high in pairwise(texts)]
    return (f"below {texts[0]}", *between, f"above {texts[-1]}")


def _text(edge: float) -> str:
    """Return the shortest text that identifies this float32, so that labels are unique."""
    return np.format_float_positional(np.float32(edge), trim="-") if SMALL <= abs(edge) < LARGE else f"{edge:.9g}"


def _as_float32(values: npt.NDArray[np.floating[Any]]) -> tuple[float, ...]:
    # The API bins float32 values; an edge between two of them would count differently.
    return tuple(float(np.float32(value)) for value in values)
