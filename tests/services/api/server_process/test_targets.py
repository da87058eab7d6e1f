"""Models of every type of target, served by the real process: examined in a child, on the fast path, with feedback."""

import pytest

from tests.services.api.server_process.running import scrape, wait_until, wait_until_ready

ROW = {"height": 3.5, "age": 12, "grafted": True, "kind": "pear", "soil": "loam"}
SCOPES = ["predict", "feedback:write"]


@pytest.mark.parametrize(
    ("kind", "members", "truth", "counted"),
    [
        ("multiclass", {"label", "probabilities"}, "some", "espalier_feedback_total"),
        ("regression", {"value"}, 9.5, "espalier_feedback_rows_total"),
        ("interval", {"value", "interval"}, 9.5, "espalier_feedback_rows_total"),
    ],
)
def test_model_is_served(register, start, secure, environment, headers, kind, members, truth, counted):
    wait_until_ready(secure, start(API_MODEL_NAME=register(f"process-{kind}", kind=kind)))
    caller = headers(SCOPES)
    plain = secure.post("/v1/predict", json={"rows": [ROW] * 3}, headers=caller).json()
    explained = secure.post("/v1/predict?explain=true", json={"rows": [ROW] * 3}, headers=caller).json()

    assert [set(prediction) for prediction in plain["predictions"]] == [members] * 3
    assert [set(prediction) for prediction in explained["predictions"]] == [
        members | {"contributions", "base_value"}
    ] * 3
    feedback = {"feedback": [{"feedback_token": plain["feedback_token"], "labels": [truth, None, truth]}]}
    assert secure.post("/v1/feedback", json=feedback, headers=caller).json()["counted"] == 2
    evaluator = "xgboost" if kind == "interval" else "lignum"
    wait_until(lambda: sums(environment, counted) == 2)
    assert sums(environment, "espalier_predictions_total") == 6
    assert sums(environment, "espalier_model_evaluator", f'evaluator="{evaluator}"') == 1


def sums(environment, name, label=""):
    return sum(value for one, value in scrape(environment).items() if one.startswith(f"{name}{{") and label in one)
