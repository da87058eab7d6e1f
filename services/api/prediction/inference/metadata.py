"""Metadata of the server and of the model."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from bundle import Feature
from services.api.model.loaded import Model
from services.api.prediction.targets.target import ServedTarget

__all__ = ["describe_served_model", "describe_server"]

PLATFORM = "xgboost_ubj"


def describe_server() -> dict[str, Any]:
    """Return the name and version of the server, and the extensions of the protocol that it has."""
    return {"name": "espalier", "version": version("espalier"), "extensions": ["binary_tensor_data"]}


def describe_served_model(model: Model, target: ServedTarget) -> dict[str, Any]:
    """Return the tensors of a model, and as properties its lineage: which run, code and data it comes from."""
    lineage = model.bundle.manifest.lineage.model_dump(mode="json", exclude={"libraries"}, exclude_none=True)
    features = model.bundle.contract.features
    return {
        "name": model.name,
        "versions": [model.version],
        "platform": PLATFORM,
        "inputs": [{"name": each.name, "datatype": datatype_of(each), "shape": [-1]} for each in features],
        "outputs": [
            {"name": name, "datatype": tensor.datatype, "shape": [-1, *tensor.shape]}
            for name, tensor in target.tensors.items()
        ],
        "properties": {name: str(value) for name, value in lineage.items()},
    }


def datatype_of(feature: Feature) -> str:
    """Return the data type to prefer for a feature. Only floating-point numbers can be missing, as NaN."""
    if feature.categories is not None:
        return "BYTES"
    if feature.type == "float" or feature.nullable:
        return "FP32"
    return "BOOL" if feature.type == "bool" else "INT64"
