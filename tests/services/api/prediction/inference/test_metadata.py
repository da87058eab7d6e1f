from importlib.metadata import version

import pytest

from bundle import Feature
from services.api.prediction.inference.metadata import datatype_of, describe_served_model, describe_server
from services.api.prediction.inference.reader import datatypes_of


def test_server():
    assert describe_server() == {
        "name": "espalier",
        "version": version("espalier"),
        "extensions": ["binary_tensor_data"],
    }


def test_model_has_a_tensor_for_each_feature(model, target, lineage):
    found = describe_served_model(model, target)

    assert (found["name"], found["versions"], found["platform"]) == ("orchard", ["7"], "xgboost_ubj")
    assert {one["name"]: one["datatype"] for one in found["inputs"]} == {
        "height": "FP32",
        "age": "INT64",
        "grafted": "BOOL",
        "kind": "BYTES",
        "soil": "BYTES",
    }
    assert {one["name"]: one["datatype"] for one in found["outputs"]} == {"probability": "FP32", "label": "BYTES"}
    assert all(one["shape"] == [-1] for one in [*found["inputs"], *found["outputs"]])
    assert found["properties"]["run_id"] == lineage.run_id
    assert found["properties"]["created"] == "2026-01-02T03:04:05Z"
    assert all(isinstance(value, str) for value in found["properties"].values())


@pytest.mark.parametrize("kind", ["float", "int", "bool", "category"])
@pytest.mark.parametrize("nullable", [False, True])
def test_described_datatype_is_accepted_and_can_be_missing(kind, nullable):
    feature = Feature(name="x", type=kind, nullable=nullable, categories={"a": 0} if kind == "category" else None)

    found = datatype_of(feature)

    assert found in datatypes_of(feature)
    assert not nullable or found in ("FP32", "BYTES")


@pytest.mark.parametrize(
    ("target_type", "outputs"),
    [
        ("multiclass", [("probabilities", "FP32", [-1, 3]), ("label", "BYTES", [-1])]),
        ("regression", [("value", "FP32", [-1])]),
        ("interval", [("value", "FP32", [-1]), ("lower", "FP32", [-1]), ("upper", "FP32", [-1])]),
    ],
)
def test_outputs_of_other_targets(model, target, outputs):
    found = describe_served_model(model, target)["outputs"]

    assert [(one["name"], one["datatype"], one["shape"]) for one in found] == outputs
