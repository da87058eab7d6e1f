import pytest

from espalier.cli.shown import columns_of, line_of, number
from espalier.client import MulticlassPrediction, Prediction, RegressionPrediction

CONTRIBUTIONS = {"age": 0.1, "soil": -2.0, "height": 1.0, "kind": 0.5}
LIKELY = {"none": 0.25, "some": 0.5, "many": 0.25}


@pytest.mark.parametrize(
    ("prediction", "columns", "line"),
    [
        (Prediction("bare", 0.25), ["label", "probability"], ["bare", "0.250"]),
        (
            Prediction("bare", 0.25, CONTRIBUTIONS, 0.0),
            ["label", "probability", "main contributions"],
            ["bare", "0.250", "soil -2.00, height +1.00, kind +0.50"],
        ),
        (
            MulticlassPrediction("some", LIKELY, {"some": CONTRIBUTIONS, "none": {"age": 9.0}}, {}),
            ["label", "probability", "main contributions"],
            ["some", "0.500", "soil -2.00, height +1.00, kind +0.50"],
        ),
        (RegressionPrediction(1234.56), ["value"], ["1235"]),
        (
            RegressionPrediction(12.5, (10.25, 15.0), {"age": 1200.0, "soil": -0.001}, 0.0),
            ["value", "lower", "upper", "main contributions"],
            ["12.5", "10.25", "15", "age +1200, soil -0.001"],
        ),
    ],
    ids=str,
)
def test_prediction_is_a_line(prediction, columns, line):
    assert columns_of(prediction, explain=prediction.contributions is not None) == ["row", *columns]
    assert line_of(3, prediction) == ["3", *line]


@pytest.mark.parametrize(
    ("value", "text"), [(0.000123456, "0.0001235"), (-9999.4, "-9999"), (1234567.8, "1,234,568"), (0.0, "0")]
)
def test_numbers_have_the_digits_that_matter(value, text):
    assert number(value) == text
