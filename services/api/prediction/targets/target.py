"""What every type of target gives to the rest of the API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "Predicted", "Series", "ServedTarget", "Tensor", "Truth"]

Floats = npt.NDArray[np.float32]

Truth = str | float
"""A true label, or the true value of a regression."""


class Predicted(NamedTuple):
    """The predictions of n rows."""

    matrix: Floats
    """(n, features) encoded rows."""

    outputs: Floats
    """(n,) probabilities of the positive class, or values; (n, classes) probabilities; or (n, 3) quantiles in
    ascending order. Feedback is scored with them."""

    codes: npt.NDArray[np.bool_] | npt.NDArray[np.int8] | None
    """(n,) predicted classes; None for regression."""

    scores: Floats
    """(n,) what is counted in the bins of the score."""

    contributions: Floats | None
    """(n, features + 1) SHAP values if requested, with the base value last; (n, classes, features + 1) for three or
    more classes."""


class Tensor(NamedTuple):
    """An output in the Open Inference Protocol."""

    datatype: str
    """FP32, or BYTES for labels."""

    shape: tuple[int, ...]
    """Of one row."""

    read: Callable[[Predicted], npt.NDArray[Any]]
    """(n, *shape) values; codes for labels."""


class Series(NamedTuple):
    """A family of counters of feedback, by version. The version is its first label."""

    name: str
    text: str
    labels: tuple[str, ...] = ()
    """Names of its other labels."""

    values: Sequence[tuple[str, ...]] = ((),)
    """Their values, for each counter."""


class ServedTarget(Protocol):
    """One type of target, prepared for one model."""

    classes: tuple[str, ...]
    """Labels by code; none for regression."""

    def decide(self, matrix: Floats, outputs: Floats, contributions: Floats | None) -> Predicted:
        """Return the predictions from the outputs of the model, and its SHAP values if requested."""

    def count_labels(self, predicted: Predicted, values: memoryview[float], begin: int) -> None:
        """Add the predicted rows to the counts of ``classes``, which start at ``begin``; without classes, to one."""

    def shap_sums(self, contributions: Floats) -> list[float]:
        """Return the sum of the absolute SHAP values of every feature; with several classes, of their mean."""

    # --- answers ---

    def rows(self, predicted: Predicted, start: int, stop: int) -> list[dict[str, Any]]:
        """Return predictions for JSON."""

    number_columns: tuple[str, ...]
    """Names of the columns in Arrow besides the label, without explanations."""

    all_columns: tuple[str, ...]
    """The same, and those that explanations add."""

    def numbers(self, predicted: Predicted) -> list[Floats]:
        """Return (n,) values for each of ``number_columns``; if the rows are explained, for each of ``all_columns``."""

    tensors: dict[str, Tensor]
    """The outputs in the Open Inference Protocol."""

    meaning: str
    """What a prediction consists of, in words."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a prediction."""

    # --- feedback ---

    truth_type: Any
    """Type of a true label, for pydantic."""

    truth_text: str
    """What a true label must be, for error messages."""

    @property
    def example_truth(self) -> Truth:
        """A true label."""

    identity: str
    """What two versions must have in common for their feedback to be scored alike, in the plural."""

    feedback_series: tuple[Series, ...]

    def score(self, outputs: Floats, truth: Sequence[Truth], threshold: float) -> npt.NDArray[np.float64]:
        """Return what predicted rows with their true labels add to ``feedback_series``, in order.

        Args:
            outputs: those of the model, as in ``Predicted``.
            truth: n labels or values.
            threshold: that of the version that predicted, if it had one.
        """
