"""The model that every server loads, the rows that they predict, and the expected probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["DEPTH", "FEATURES", "TREES", "Workload", "make_workload"]

FEATURES, TREES, DEPTH = 25, 400, 6
TRAINING_ROWS, POOL_ROWS = 20_000, 10_000
SEED = 2013
DECIMALS = 4
"""Of a feature's value: the same short number in every server's JSON, which all round to the same float32."""

Rows = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Workload:
    """A binary classifier and rows for it."""

    ubj: Path
    """The booster in XGBoost's UBJSON format."""

    json: Path
    """The same classifier in JSON, with the attributes of XGBoost's scikit-learn interface."""

    rows: Rows
    """(n, features), what is sent."""

    expected: Probabilities
    """(n,), the probability of the positive class that XGBoost gives for each row here."""

    def take(self, number: int, count: int) -> tuple[Rows, Probabilities]:
        """Return ``count`` rows of the body with this number, and their probabilities; past the end, from the start."""
        chosen = (np.arange(count) + number * count) % len(self.rows)
        return self.rows[chosen], self.expected[chosen]


def make_workload(folder: Path) -> Workload:
    """Train the model with a fixed seed and write it to the folder.

    Training takes some seconds, and the file differs between versions of XGBoost, so it is never reused.
    """
    import xgboost as xgb

    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    training = _draw(random, TRAINING_ROWS)
    labels = random.random(TRAINING_ROWS) < _true_probability(training)
    classifier = xgb.XGBClassifier(
        n_estimators=TREES, max_depth=DEPTH, learning_rate=0.1, objective="binary:logistic", random_state=SEED
    )
    classifier.fit(training.astype(np.float32), labels.astype(int))
    ubj, json = folder / "model.ubj", folder / "model.json"
    classifier.save_model(json)
    booster = classifier.get_booster()
    booster.save_model(ubj)
    rows = _draw(random, POOL_ROWS)
    expected = np.asarray(booster.inplace_predict(rows.astype(np.float32)), dtype=np.float32)
    return Workload(ubj, json, rows, expected)


def _draw(random: np.random.Generator, count: int) -> Rows:
    return np.round(random.normal(size=(count, FEATURES)), DECIMALS)


def _true_probability(rows: Rows) -> npt.NDArray[np.float64]:
    """Return (n,) probabilities from a function with interactions, so that the trees grow to their full depth."""
    score = rows[:, 0] + rows[:, 1] * rows[:, 2] + np.sin(3 * rows[:, 3]) + np.abs(rows[:, 4]) * rows[:, 5] - 0.5
    return np.asarray(1 / (1 + np.exp(-score)))
