"""How well each feature alone predicts the target: one that needs no other is often known only afterwards.

The measure is that of a small decision tree on the one column, cross-fitted in three parts: ROC AUC for classes (the
mean of each against the rest), R² for numbers, or that of a straight line if it is higher.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.new_project.values import Values

__all__ = ["COPY", "MEASURE", "SUSPICIOUS", "Alone"]

SUSPICIOUS = 0.98
"""At or above it a feature is kept, and named."""

COPY = 0.9999
"""At or above it a feature says the same as the target, and is left out."""

MEASURE = {"regression": "R²", "binary": "ROC AUC", "multiclass": "mean ROC AUC"}

ROWS, FOLDS, LEAVES, LEAF_ROWS = 10_000, 3, 64, 5

Floats = npt.NDArray[np.float64]


class Alone:
    """Measures features one by one, on at most 10,000 random rows with a known target."""

    def __init__(self, truth: Floats, *, is_number: bool) -> None:
        """Choose the rows.

        Args:
            truth: (n,) codes or numbers, NaN if unknown.
        """
        known = np.flatnonzero(~np.isnan(truth))
        if len(known) > ROWS:
            known = np.sort(np.random.default_rng(0).choice(known, ROWS, replace=False))
        if not is_number:  # a class with fewer rows than parts cannot be in each of them
            codes, counts = np.unique(truth[known], return_counts=True)
            known = known[np.isin(truth[known], codes[counts >= FOLDS])]
        self._rows, self._truth, self._is_number = known, truth[known], is_number

    def score(self, values: Values) -> float | None:
        """Return the measure of one column; None if there are too few rows."""
        if len(self._truth) < 2 * FOLDS * LEAF_ROWS or len(np.unique(self._truth)) < 2:  # noqa: PLR2004
            return None
        column = _as_numbers(values)[self._rows]
        if np.isnan(column).all():
            return None
        return self._of_numbers(column) if self._is_number else self._of_classes(column)

    def _of_numbers(self, column: Floats) -> float:
        from sklearn.metrics import r2_score
        from sklearn.model_selection import KFold, cross_val_predict
        from sklearn.tree import DecisionTreeRegressor

        tree = DecisionTreeRegressor(max_leaf_nodes=LEAVES, min_samples_leaf=LEAF_ROWS, random_state=0)
        folds = KFold(FOLDS, shuffle=True, random_state=0)
        predicted = cross_val_predict(tree, column[:, None], self._truth, cv=folds)
        return max(float(r2_score(self._truth, predicted)), _of_line(column, self._truth))

    def _of_classes(self, column: Floats) -> float:
        from sklearn.metrics import roc_auc_score
        from sklearn.model_selection import StratifiedKFold, cross_val_predict
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES, min_samples_leaf=LEAF_ROWS, random_state=0)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        likely = cross_val_predict(tree, column[:, None], self._truth, cv=folds, method="predict_proba")
        classes = np.unique(self._truth)
        areas = [roc_auc_score(self._truth == code, likely[:, place]) for place, code in enumerate(classes)]
        return float(np.mean(areas))


def _of_line(column: Floats, truth: Floats) -> float:
    """Return the R² of a straight line: the steps of a small tree cannot follow a copy of the target closely."""
    present = ~np.isnan(column)
    if column[present].size < 2 * LEAF_ROWS or np.ptp(column[present]) == 0 or np.ptp(truth[present]) == 0:
        return -1.0
    return float(np.corrcoef(column[present], truth[present])[0, 1] ** 2)


def _as_numbers(values: Values) -> Floats:
    """Return (n,) numbers, or codes of texts in the order of their frequency."""
    if values.kind == "text":
        codes = {text: float(code) for code, text in enumerate(values.cells.value_counts().index)}
        return pd.Series(values.cells.map(codes)).to_numpy(dtype=np.float64, na_value=np.nan)
    return values.cells.to_numpy(dtype=np.float64)
