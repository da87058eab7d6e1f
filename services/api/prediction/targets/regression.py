"""A number: the answer is a value, and an interval if the model predicts one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from bundle import Contract
from bundle.quantiles import in_order
from evaluation.row_schema import FLOAT32_LIMIT
from services.api.prediction.targets.explanations import Explanations
from services.api.prediction.targets.target import Floats, Predicted, Series, Tensor, Truth

__all__ = ["IntervalTarget", "RegressionTarget"]

VALUE, LOWER, UPPER, INTERVAL = "value", "lower", "upper", "interval"
MEDIAN = 1
"""Place of the median among the quantiles."""

NUMBER = {"type": "number"}

SUMS = (
    Series("espalier_feedback_rows_total", "Predicted rows with feedback."),
    Series(
        "espalier_feedback_squared_error_total", "Sum of the squared errors of the predictions of rows with feedback."
    ),
    Series("espalier_feedback_absolute_error_total", "Sum of the absolute errors of rows with feedback."),
)
INSIDE = Series(
    "espalier_feedback_inside_interval_total", "Rows with feedback whose true value is inside the predicted interval."
)


class RegressionTarget:
    """A number, without an interval."""

    classes: tuple[str, ...] = ()
    identity = "unit and interval"
    meaning = "the value"
    number_columns: tuple[str, ...] = (VALUE,)
    feedback_series: tuple[Series, ...] = SUMS
    example_truth: Truth = 12.5

    def __init__(self, contract: Contract) -> None:
        """Prepare what is the same for all requests."""
        unit, features = contract.target.unit, [feature.name for feature in contract.features]
        self._explanations = Explanations(
            features, unit=unit or "the unit of the value", base="The value without any feature"
        )
        self._value_schema = {**NUMBER, "description": f"In {unit}"} if unit else NUMBER
        self.all_columns = (*self.number_columns, *self._explanations.columns)
        self.tensors = {VALUE: Tensor("FP32", (), lambda predicted: predicted.scores)}
        self.truth_type: Any = Annotated[float, Field(ge=-FLOAT32_LIMIT, le=FLOAT32_LIMIT)]
        self.truth_text = f"a number within 32 bits (up to 3.4e38){f' in {unit}' if unit else ''}"

    def decide(self, matrix: Floats, outputs: Floats, contributions: Floats | None) -> Predicted:
        """The output is the value."""
        return Predicted(matrix, outputs, None, outputs, contributions)

    def count_labels(self, predicted: Predicted, values: memoryview[float], begin: int) -> None:
        """Add to the one count."""
        values[begin] += len(predicted.outputs)

    def shap_sums(self, contributions: Floats) -> list[float]:
        """Return the sums by feature."""
        return self._explanations.sums(contributions)

    def rows(self, predicted: Predicted, start: int, stop: int) -> list[dict[str, Any]]:
        """Return the values."""
        predictions = self._values(predicted.outputs[start:stop])
        if predicted.contributions is not None:
            self._explanations.add(predictions, predicted.contributions[start:stop])
        return predictions

    def _values(self, outputs: Floats) -> list[dict[str, Any]]:
        return [{VALUE: value} for value in outputs.tolist()]

    def numbers(self, predicted: Predicted) -> list[Floats]:
        """Return the columns."""
        columns = self._number_values(predicted.outputs)
        if predicted.contributions is not None:
            columns += self._explanations.read_columns(predicted.contributions)
        return columns

    def _number_values(self, outputs: Floats) -> list[Floats]:
        return [outputs]

    def schema(self) -> dict[str, Any]:
        """Return the schema."""
        properties = self._value_schemas()
        return {
            "type": "object",
            "required": list(properties),
            "properties": {**properties, **self._explanations.schema()},
        }

    def _value_schemas(self) -> dict[str, Any]:
        return {VALUE: self._value_schema}

    def score(self, outputs: Floats, truth: Sequence[Truth], threshold: float) -> npt.NDArray[np.float64]:  # noqa: ARG002
        """Return the rows and the sums of squared and absolute errors."""
        errors = outputs - np.array(truth, dtype=np.float64)
        return np.array([len(errors), np.square(errors).sum(), np.abs(errors).sum()])


class IntervalTarget(RegressionTarget):
    """A number that is the median, with the interval between a lower and an upper quantile."""

    meaning = "the value (the median), and the interval that it is in with the probability of the contract"
    number_columns = (VALUE, LOWER, UPPER)
    feedback_series = (*SUMS, INSIDE)

    def __init__(self, contract: Contract) -> None:
        """Prepare what is the same for all requests."""
        super().__init__(contract)
        self.tensors[LOWER] = Tensor("FP32", (), lambda predicted: predicted.outputs[:, 0])
        self.tensors[UPPER] = Tensor("FP32", (), lambda predicted: predicted.outputs[:, -1])

    def decide(self, matrix: Floats, outputs: Floats, contributions: Floats | None) -> Predicted:
        """The median is the value, and explained."""
        ordered = in_order(outputs)
        explained = None if contributions is None else contributions[:, MEDIAN]
        return Predicted(matrix, ordered, None, ordered[:, MEDIAN], explained)

    def _values(self, outputs: Floats) -> list[dict[str, Any]]:
        return [{VALUE: value, INTERVAL: [lower, upper]} for lower, value, upper in outputs.tolist()]

    def _number_values(self, outputs: Floats) -> list[Floats]:
        return [outputs[:, MEDIAN], outputs[:, 0], outputs[:, -1]]

    def _value_schemas(self) -> dict[str, Any]:
        interval = {"type": "array", "items": self._value_schema, "minItems": 2, "maxItems": 2}
        return {VALUE: self._value_schema, INTERVAL: interval}

    def score(self, outputs: Floats, truth: Sequence[Truth], threshold: float) -> npt.NDArray[np.float64]:
        """Return the same of the median, and the rows inside the interval, which has its ends."""
        values = np.array(truth, dtype=np.float64)
        inside = np.count_nonzero((outputs[:, 0] <= values) & (values <= outputs[:, -1]))
        return np.append(super().score(outputs[:, MEDIAN], truth, threshold), inside)
