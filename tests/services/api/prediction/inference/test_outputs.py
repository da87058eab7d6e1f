import json
import struct

import numpy as np
import pytest

from services.api.errors import MalformedBody
from services.api.prediction.inference.outputs import InferenceAnswer, WantedOutput, choose_outputs
from services.api.prediction.inference.request import InferOutput, InferOutputParameters

OUTPUTS = ("probability", "label")
PROBABILITIES = np.array([0.1, 0.5, 0.7], dtype=np.float32)


def wanted(name, **parameters):
    return InferOutput(name, InferOutputParameters(**parameters))


@pytest.mark.parametrize(
    ("requested", "is_binary", "expected"),
    [
        ([], False, [("probability", False), ("label", False)]),
        ([], True, [("probability", True), ("label", True)]),
        ([InferOutput("label")], False, [("label", False)]),
        ([InferOutput("label"), InferOutput("probability")], False, [("label", False), ("probability", False)]),
        ([InferOutput("label")], True, [("label", True)]),
        ([wanted("label", binary_data=False)], True, [("label", False)]),
        ([wanted("label", binary_data=True)], False, [("label", True)]),
        ([wanted("label")], True, [("label", True)]),
    ],
)
def test_outputs_are_chosen(requested, is_binary, expected):
    assert [tuple(output) for output in choose_outputs(requested, OUTPUTS, is_binary=is_binary)] == expected


@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        ([InferOutput("logits")], "output logits: this model has the outputs probability and label"),
        ([InferOutput("label")] * 2, "output label: it is requested twice"),
        ([wanted("label", classification=3)], "classification and shared memory are not supported"),
        ([wanted("label", shared_memory_region="x")], "classification and shared memory are not supported"),
    ],
)
def test_wrong_outputs(requested, expected):
    with pytest.raises(MalformedBody, match=expected):
        choose_outputs(requested, OUTPUTS, is_binary=False)


@pytest.fixture
def write(model, target):
    answer = InferenceAnswer(model, target)
    predicted = target.decide(np.zeros((3, 5), np.float32), PROBABILITIES, None)

    def make(*outputs):
        body, length = answer.write(
            predicted, [WantedOutput(*output) for output in outputs], answer_id='a "quoted" id', feedback_token="AQ"
        )
        return json.loads(body[:length]), body[length:] if length is not None else None

    return make


def test_answer_names_the_model_and_its_lineage(write, lineage):
    answer, rest = write(("label", False))

    assert answer.pop("outputs") == [
        {"name": "label", "datatype": "BYTES", "shape": [3], "data": ["bare", "bearing", "bearing"]}
    ]
    assert answer == {
        "model_name": "orchard",
        "model_version": "7",
        "id": 'a "quoted" id',
        "parameters": {
            "run_id": lineage.run_id,
            "git_commit": lineage.git_commit,
            "data_md5": lineage.data_md5,
            "feedback_token": "AQ",
        },
    }
    assert rest is None


def test_probabilities_in_json_are_those_of_32_bits(write):
    (output,) = write(("probability", False))[0]["outputs"]

    assert output["datatype"] == "FP32"
    np.testing.assert_array_equal(np.float32(output["data"]), PROBABILITIES)


def test_binary_outputs_follow_in_their_order(write):
    answer, rest = write(("label", True), ("probability", True))

    label, probability = answer["outputs"]
    texts = b"".join(struct.pack("<I", len(text)) + text for text in (b"bare", b"bearing", b"bearing"))
    assert label["parameters"] == {"binary_data_size": len(texts)} and "data" not in label
    assert probability["parameters"] == {"binary_data_size": 12}
    assert rest == texts + PROBABILITIES.astype("<f4").tobytes()


def test_only_some_outputs_are_binary(write):
    answer, rest = write(("label", False), ("probability", True))

    assert "data" in answer["outputs"][0] and len(rest) == 12


@pytest.mark.parametrize(
    ("target_type", "expected"),
    [
        ("multiclass", {"probabilities": ("FP32", [2, 3]), "label": ("BYTES", [2])}),
        ("regression", {"value": ("FP32", [2])}),
        ("interval", {"value": ("FP32", [2]), "lower": ("FP32", [2]), "upper": ("FP32", [2])}),
    ],
)
@pytest.mark.parametrize("is_binary", [False, True])
def test_outputs_of_other_targets(model, target, expected, is_binary):
    outputs = np.float32([1, 2]) if target.number_columns == ("value",) else np.float32([[1, 2, 3], [6, 5, 4]])
    predicted = target.decide(np.zeros((2, 5), np.float32), outputs, None)
    wanted = choose_outputs([], tuple(target.tensors), is_binary=is_binary)

    body, length = InferenceAnswer(model, target).write(predicted, wanted, answer_id="1", feedback_token="AQ")

    found = json.loads(body[:length])["outputs"]
    assert {one["name"]: (one["datatype"], one["shape"]) for one in found} == expected
    start = length
    for one in found:
        values = target.tensors[one["name"]].read(predicted)
        if one["datatype"] == "FP32":
            size = one.get("parameters", {}).get("binary_data_size", 0)
            data = np.frombuffer(body[start : start + size], "<f4") if is_binary else np.float32(one["data"])
            assert data.tolist() == values.ravel().tolist()
            start = start + size if is_binary else None
        elif not is_binary:
            assert one["data"] == ["many", "none"]
