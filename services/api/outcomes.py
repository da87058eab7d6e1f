"""Rows whose truth is known by now: how good are predictions on what really comes?

Gives:  sums by which rules compute log loss, Brier score, accuracy and calibration of the model that serves.
Never:  keeps a row, or lets one count as a prediction or for drift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from espalier.bundle import Contract
from services.api.encoding import encode
from services.api.model import Model
from services.api.row_types import Place, dict_type, row_place, row_type
from services.api.rows import ListReader

__all__ = ["OutcomeReader", "Scored", "score_outcomes"]

SMALLEST = float(np.finfo(np.float64).eps)
"""Probabilities are kept so far from 0 and 1, as scikit-learn keeps the test rows': a sure mistake costs 36 nats."""


class OutcomeReader(ListReader):
    """Reads rows with their labels."""

    def __init__(self, contract: Contract, *, max_rows: int) -> None:
        """Build the checks from the contract."""
        labels = contract.target.classes
        kind = dict_type("Outcome", {"row": row_type(contract), "label": Literal[labels]})
        place = Place(
            names={"row": row_place(contract), "label": Place(f"one of {', '.join(labels)}")},
            unknown="is not asked for; an outcome has row and label",
        )
        form = '{"outcomes": [{"row": {feature: value, ...}, "label": label}, ...]}'
        super().__init__("outcomes", kind, place, form=form, max_rows=max_rows)


@dataclass(frozen=True)
class Scored:
    """(n,) probabilities, what is true and what was predicted; sums over all n rows."""

    probabilities: npt.NDArray[np.float32]
    truth: npt.NDArray[np.bool_]
    predicted: npt.NDArray[np.bool_]
    log_loss: float
    """Nats."""

    squared_error: float


def score_outcomes(model: Model, outcomes: Sequence[Mapping[str, Any]]) -> Scored:
    """Score the rows as they would be now, against their labels."""
    positive = model.label_names[1]
    truth = np.array([outcome["label"] == positive for outcome in outcomes], dtype=np.bool_)
    probabilities = model.predict(encode([outcome["row"] for outcome in outcomes], model.bundle.contract))
    likely = probabilities.astype(np.float64)
    of_truth = np.clip(np.where(truth, likely, 1 - likely), SMALLEST, 1 - SMALLEST)
    return Scored(
        probabilities=probabilities,
        truth=truth,
        predicted=probabilities >= model.threshold,
        log_loss=float(-np.log(of_truth).sum()),
        squared_error=float(np.square(likely - truth).sum()),
    )
