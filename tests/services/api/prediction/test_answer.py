import json

import numpy as np
import pytest

from services.api.prediction import answer
from services.api.prediction.answer import JsonAnswer, describe_model
from services.api.prediction.predict import predict_matrix


@pytest.mark.parametrize("block_rows", [1, 7, 299, 300, 4096])
@pytest.mark.parametrize("explain", [False, True])
def test_blocks_are_joined(model, target, matrix, monkeypatch, block_rows, explain):
    predicted = predict_matrix(model, target, matrix, explain=explain)
    monkeypatch.setattr(answer, "BLOCK_ROWS", block_rows)

    body = json.loads(JsonAnswer(model, target).write(predicted, feedback_token="AQ", request_id="r1"))

    assert (body["model"], body["feedback_token"], body["request_id"]) == (describe_model(model), "AQ", "r1")
    found = [prediction["probability"] for prediction in body["predictions"]]
    np.testing.assert_array_equal(np.float32(found), predicted.outputs)
    assert [prediction["label"] == "bearing" for prediction in body["predictions"]] == predicted.codes.tolist()
    if explain:
        assert body["predictions"][-1]["base_value"] == pytest.approx(predicted.contributions[-1, -1])
        assert list(body["predictions"][0]["contributions"]) == ["height", "age", "grafted", "kind", "soil"]


@pytest.mark.parametrize("target_type", ["multiclass", "regression", "interval"])
@pytest.mark.parametrize("explain", [False, True])
def test_blocks_of_other_targets_are_joined(model, target, matrix, monkeypatch, explain):
    predicted = predict_matrix(model, target, matrix, explain=explain)
    whole = JsonAnswer(model, target).write(predicted, feedback_token="AQ", request_id="r1")
    monkeypatch.setattr(answer, "BLOCK_ROWS", 7)

    assert JsonAnswer(model, target).write(predicted, feedback_token="AQ", request_id="r1") == whole
    assert json.loads(whole)["predictions"] == target.rows(predicted, 0, 300)
