import json

import numpy as np
import pyarrow as pa
import pytest

from services.api.prediction.answer import describe_model
from services.api.prediction.columnar.arrow_answer import ArrowAnswer
from services.api.prediction.predict import predict_matrix


@pytest.fixture
def answer(model, target):
    def write(matrix, *, explain=False, token="AQ-_", request_id="r1"):
        predicted = predict_matrix(model, target, matrix, explain=explain)
        written = ArrowAnswer(model, target).write(predicted, feedback_token=token, request_id=request_id)
        with pa.ipc.open_stream(written) as reader:
            found = reader.read_all()
        found.validate(full=True)
        return predicted, found

    return write


@pytest.mark.parametrize("rows", [1, 7, 300])
def test_pyarrow_reads_the_predictions(answer, matrix, rows):
    predicted, found = answer(matrix[:rows])

    assert found.column_names == ["label", "probability"]
    assert found.schema.field("probability").type == pa.float32()
    np.testing.assert_array_equal(found["probability"].to_numpy(), predicted.outputs)
    labels = np.where(predicted.codes, "bearing", "bare")
    assert found["label"].to_pylist() == labels.tolist()


@pytest.mark.parametrize("token", ["", "A" * 533_421])
def test_metadata_names_model_token_and_request(answer, model, matrix, token):
    _, found = answer(matrix[:3], token=token, request_id="trace-7")

    metadata = found.schema.metadata
    assert json.loads(metadata[b"model"]) == describe_model(model)
    assert metadata[b"feedback_token"].decode() == token
    assert metadata[b"request_id"] == b"trace-7"


def test_contributions_are_further_columns(answer, model, matrix):
    predicted, found = answer(matrix[:20], explain=True)

    names = [feature.name for feature in model.bundle.contract.features]
    assert found.column_names == ["label", "probability", "base_value", *(f"contribution.{name}" for name in names)]
    np.testing.assert_array_equal(found["base_value"].to_numpy(), predicted.contributions[:, -1])
    np.testing.assert_array_equal(found["contribution.kind"].to_numpy(), predicted.contributions[:, 3])


@pytest.mark.parametrize(
    ("target_type", "names"),
    [
        ("multiclass", ["label", "probability.none", "probability.some", "probability.many"]),
        ("regression", ["value"]),
        ("interval", ["value", "lower", "upper"]),
    ],
)
@pytest.mark.parametrize("rows", [1, 300])
def test_pyarrow_reads_the_predictions_of_other_targets(answer, target, matrix, names, rows):
    predicted, found = answer(matrix[:rows])

    assert found.column_names == names
    numbers = [name for name in names if name != "label"]
    for name, values in zip(numbers, target.numbers(predicted), strict=True):
        np.testing.assert_array_equal(found[name].to_numpy(), values)
    if "label" in names:
        assert found["label"].to_pylist() == [target.classes[code] for code in predicted.codes]


@pytest.mark.parametrize(("target_type", "columns"), [("multiclass", 1 + 3 + 3 * 6), ("interval", 3 + 6)])
def test_contributions_of_other_targets_are_further_columns(answer, target, matrix, columns):
    predicted, found = answer(matrix[:20], explain=True)

    assert len(found.column_names) == columns
    for name, values in zip(target.all_columns, target.numbers(predicted), strict=True):
        np.testing.assert_array_equal(found[name].to_numpy(), values)
