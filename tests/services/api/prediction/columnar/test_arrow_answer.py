import json

import numpy as np
import pyarrow as pa
import pytest

from services.api.prediction.answer import describe_model
from services.api.prediction.columnar.arrow_answer import ArrowAnswer
from services.api.prediction.predict import predict_matrix


def answer(model, matrix, *, explain=False, token="AQ-_", request_id="r1"):
    predicted = predict_matrix(model, matrix, explain=explain)
    written = ArrowAnswer(model).write(predicted, feedback_token=token, request_id=request_id)
    with pa.ipc.open_stream(written) as reader:
        found = reader.read_all()
    found.validate(full=True)
    return predicted, found


@pytest.mark.parametrize("rows", [1, 7, 300])
def test_pyarrow_reads_the_predictions(model, matrix, rows):
    predicted, found = answer(model, matrix[:rows])

    assert found.column_names == ["label", "probability"]
    assert found.schema.field("probability").type == pa.float32()
    np.testing.assert_array_equal(found["probability"].to_numpy(), predicted.probabilities)
    labels = np.where(predicted.positive, "bearing", "bare")
    assert found["label"].to_pylist() == labels.tolist()


@pytest.mark.parametrize("token", ["", "A" * 533_421])
def test_metadata_names_model_token_and_request(model, matrix, token):
    _, found = answer(model, matrix[:3], token=token, request_id="trace-7")

    metadata = found.schema.metadata
    assert json.loads(metadata[b"model"]) == describe_model(model)
    assert metadata[b"feedback_token"].decode() == token
    assert metadata[b"request_id"] == b"trace-7"


def test_contributions_are_further_columns(model, matrix):
    predicted, found = answer(model, matrix[:20], explain=True)

    names = [feature.name for feature in model.bundle.contract.features]
    assert found.column_names == ["label", "probability", "base_value", *(f"contribution.{name}" for name in names)]
    np.testing.assert_array_equal(found["base_value"].to_numpy(), predicted.contributions[:, -1])
    np.testing.assert_array_equal(found["contribution.kind"].to_numpy(), predicted.contributions[:, 3])
