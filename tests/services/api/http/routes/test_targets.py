"""Every route with a model of three classes, of a number, and of a number with an interval."""

import json

import numpy as np
import pyarrow as pa
import pytest

from evaluation.encoding import encode
from tests.services.api.prediction.inference.tensors import body, tensors_of
from tests.small_models import CLASSES

ARROW = "application/vnd.apache.arrow.stream"
OTHERS = pytest.mark.parametrize("target_type", ["multiclass", "regression", "interval"])
MULTICLASS = pytest.mark.parametrize("target_type", ["multiclass"])
REGRESSION = pytest.mark.parametrize("target_type", ["regression"])
INTERVAL = pytest.mark.parametrize("target_type", ["interval"])


@pytest.fixture
def rows(row):
    return [{**row, "height": float(place % 20), "kind": ("apple", "plum")[place % 2]} for place in range(20)]


@pytest.fixture
def outputs(model, rows):
    """What the model itself gives for the rows."""
    return model.predict(encode(rows, model.bundle.contract))


@MULTICLASS
def test_classes(ask, rows, outputs):
    predictions = ask(*rows).json()["predictions"]

    assert predictions == [
        {"label": CLASSES[shares.argmax()], "probabilities": dict(zip(CLASSES, shares.tolist(), strict=True))}
        for shares in outputs
    ]
    assert {prediction["label"] for prediction in predictions} == set(CLASSES), "the rows are unlike"


@REGRESSION
def test_value(ask, rows, outputs):
    assert ask(*rows).json()["predictions"] == [{"value": value} for value in outputs.tolist()]


@INTERVAL
def test_interval(ask, rows, outputs):
    expected = [sorted(values) for values in outputs.tolist()]

    assert ask(*rows).json()["predictions"] == [
        {"value": value, "interval": [lower, upper]} for lower, value, upper in expected
    ]


@MULTICLASS
def test_contributions_of_every_class(ask, row, model):
    (prediction,) = ask(row, params={"explain": "true"}).json()["predictions"]

    margins = model.booster.inplace_predict(encode([row], model.bundle.contract), predict_type="margin")[0]
    assert list(prediction) == ["label", "probabilities", "contributions", "base_value"]
    for label, margin in zip(CLASSES, margins.tolist(), strict=True):
        contributions = prediction["contributions"][label]
        assert list(contributions) == list(row)
        assert sum(contributions.values()) + prediction["base_value"][label] == pytest.approx(margin, abs=1e-4)


@pytest.mark.parametrize("target_type", ["regression", "interval"])
def test_contributions_add_up_to_the_value(ask, row):
    (prediction,) = ask(row, params={"explain": "true"}).json()["predictions"]

    total = sum(prediction["contributions"].values()) + prediction["base_value"]
    assert total == pytest.approx(prediction["value"], rel=1e-4)


def columns_of(answers):
    """Return columns as Arrow has them, from predictions in JSON."""
    found = {}
    for answer in answers:
        own = {"label": answer.get("label"), "value": answer.get("value")}
        own |= {f"probability.{label}": share for label, share in answer.get("probabilities", {}).items()}
        own |= dict(zip(("lower", "upper"), answer.get("interval", ()), strict=False))
        for name, value in own.items():
            if value is not None:
                found.setdefault(name, []).append(value)
    return found


@OTHERS
def test_arrow_has_the_same_numbers(client, bearer, ask, rows):
    headers = {**bearer(), "Accept": ARROW}
    response = client.post("/v1/predict", json={"rows": rows}, headers=headers)

    with pa.ipc.open_stream(response.content) as reader:
        found = reader.read_all().to_pydict()
    assert found == columns_of(ask(*rows).json()["predictions"])


@OTHERS
@pytest.mark.parametrize("binary", [False, True])
def test_inference_has_the_same_numbers(client, bearer, ask, rows, binary):
    content, _ = body(*tensors_of(rows), parameters={"binary_data_output": binary})
    headers = {**bearer(), "Content-Type": "application/json"}
    response = client.post("/v2/models/orchard/infer", content=content, headers=headers)

    expected = columns_of(ask(*rows).json()["predictions"])
    length = int(response.headers.get("inference-header-content-length", len(response.content)))
    rest, found = response.content[length:], {}
    for output in json.loads(response.content[:length])["outputs"]:
        data, rest = _data_of(output, rest)
        if output["name"] == "probabilities":
            assert output["shape"] == [20, 3]
            shares = np.reshape(data, (20, 3))
            found |= {f"probability.{label}": shares[:, code].tolist() for code, label in enumerate(CLASSES)}
        else:
            assert output["shape"] == [20]
            found[output["name"]] = data
    assert {name: values if name == "label" else np.float32(values).tolist() for name, values in found.items()} == {
        name: expected[name] for name in found
    }
    assert set(found) == set(expected)


def _data_of(output, rest):
    """Return the values, and the bytes of the outputs that follow."""
    if "data" in output:
        return output["data"], rest
    size = output["parameters"]["binary_data_size"]
    own, rest = rest[:size], rest[size:]
    if output["datatype"] == "FP32":
        return np.frombuffer(own, "<f4").tolist(), rest
    texts = []
    while own:
        end = 4 + int.from_bytes(own[:4], "little")
        texts.append(own[4:end].decode())
        own = own[end:]
    return texts, rest


@pytest.fixture
def report(client, bearer):
    def send(token, labels):
        feedback = {"feedback": [{"feedback_token": token, "labels": labels}]}
        return client.post("/v1/feedback", json=feedback, headers=bearer())

    return send


@MULTICLASS
def test_feedback_by_class(ask, report, sample, rows, outputs):
    token = ask(*rows).json()["feedback_token"]
    truth = [CLASSES[place % 3] for place in range(20)]
    truth[4] = None

    assert report(token, truth).json()["counted"] == 19
    assert report(token, truth).json()["already_counted"] == 19

    counted = [place for place in range(20) if place != 4]
    codes = np.array([place % 3 for place in counted])
    shares = outputs[counted].astype(np.float64)
    for label in range(3):
        for predicted in range(3):
            expected = int(((codes == label) & (shares.argmax(axis=1) == predicted)).sum())
            names = {"label": CLASSES[label], "predicted": CLASSES[predicted]}
            assert sample("espalier_feedback_total", model_version="7", **names) == expected
    loss = -np.log(shares[np.arange(19), codes]).sum()
    assert sample("espalier_feedback_log_loss_total", model_version="7") == pytest.approx(loss)
    squared = np.square(shares - np.eye(3)[codes]).sum()
    assert sample("espalier_feedback_squared_error_total", model_version="7") == pytest.approx(squared)


@INTERVAL
def test_feedback_with_values(ask, report, sample, rows):
    answer = ask(*rows).json()
    values = [prediction["value"] for prediction in answer["predictions"]]
    upper = [prediction["interval"][1] for prediction in answer["predictions"]]
    truth = [values[0] + 1, upper[1] + 2, *[None] * 17, values[19]]

    assert report(answer["feedback_token"], truth).json()["counted"] == 3

    errors = [1, upper[1] + 2 - values[1], 0]
    names = ("rows", "absolute_error", "squared_error", "inside_interval")
    found = [sample(f"espalier_feedback_{name}_total", model_version="7") for name in names]
    inside = 1 + (upper[0] >= values[0] + 1)
    assert found == pytest.approx([3, sum(errors), sum(error**2 for error in errors), inside])


@REGRESSION
def test_text_is_no_true_value(ask, report, sample, row):
    response = report(ask(row).json()["feedback_token"], ["many"])

    assert response.status_code == 422
    assert response.json()["errors"][0]["message"].startswith("must be a list with a number")
    assert sample("espalier_feedback_rows_total", model_version="7") == 0


@OTHERS
@pytest.mark.parametrize(("path", "name"), [("/v1/predict", "Predict"), ("/v1/feedback", "Feedback")])
def test_example_of_the_document_is_answered_as_described(client, bearer, ask, row, path, name):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    example = schemas[f"{name}Request"]["example"]
    for item in example.get("feedback", ()):  # its token is of no prediction
        item["feedback_token"] = ask(row).json()["feedback_token"]

    response = client.post(path, json=example, params={"explain": "true"}, headers=bearer())

    assert response.status_code == 200
    described = schemas[f"{name}Response"]
    assert set(response.json()) == set(described["required"])
    for prediction in response.json().get("predictions", ()):
        schema = described["properties"]["predictions"]["items"]
        assert set(prediction) == set(schema["properties"])
        assert set(schema["required"]) == set(schema["properties"]) - {"contributions", "base_value"}


@OTHERS
def test_card_has_the_target(client, bearer, target_type):
    card = client.get("/v1/model", headers=bearer()).json()

    target = card["contract"]["target"]
    assert target["type"] == ("multiclass" if target_type == "multiclass" else "regression")
    assert target["classes"] == (list(CLASSES) if target_type == "multiclass" else [])
    assert target["interval"] == (0.9 if target_type == "interval" else None)
    assert ("balanced_accuracy" if target_type == "multiclass" else "mae") in card["metrics"]["test"]
