"""The Open Inference Protocol in the OpenAPI document: the served model in its paths, and the bodies."""

from __future__ import annotations

from typing import Any

from services.api.http.inference_body import BINARY, JSON_LENGTH
from services.api.http.media_types import JSON
from services.api.http.openapi_responses import model_version_header
from services.api.model.loaded import Model
from services.api.prediction.inference.metadata import datatype_of
from services.api.prediction.inference.request import request_schemas
from services.api.prediction.inference.tensors import BYTES, DATATYPES
from services.api.prediction.targets.target import ServedTarget

__all__ = ["describe_inference"]

PATHS = "/v2/models/"


def describe_inference(document: dict[str, Any], model: Model, target: ServedTarget) -> None:
    """Describe the routes under /v2 with a real row as the example."""
    document["components"]["schemas"] |= _requests(model) | {"InferResponse": _response(model, target)}
    for path, operations in document["paths"].items():
        if not path.startswith(PATHS):
            continue
        for method, operation in operations.items():
            operation["parameters"] = _parameters(path, model)
            if method == "post":
                operation.pop("x-body", None)
                operation["parameters"].append(_json_length())
                operation["requestBody"] = {"required": True, "content": _content("InferRequest")}
                text = "The outputs, in the order of the request; their data as requested, in JSON or behind it"
                headers = model_version_header(model.version)
                content = _content("InferResponse")
                operation["responses"]["200"] = {"description": text, "headers": headers, "content": content}


def _content(name: str) -> dict[str, Any]:
    text = f"{name} in JSON, and the data of its binary tensors behind it"
    binary = {"schema": {"type": "string", "format": "binary", "description": text}}
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}, BINARY: binary}


def _parameters(path: str, model: Model) -> list[dict[str, Any]]:
    served = {"model_name": model.name, "model_version": model.version}
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": [value]}}
        for name, value in served.items()
        if f"{{{name}}}" in path
    ]


def _json_length() -> dict[str, Any]:
    text = "Length of the JSON in bytes, if binary tensors follow it"
    return {"name": JSON_LENGTH, "in": "header", "description": text, "schema": {"type": "integer", "minimum": 0}}


def _requests(model: Model) -> dict[str, Any]:
    schemas = request_schemas()
    schemas["InferInput"]["properties"]["datatype"]["enum"] = [*DATATYPES, BYTES]
    contract = model.bundle.contract
    inputs = [
        {
            "name": feature.name,
            "shape": [1],
            "datatype": datatype_of(feature),
            "data": [contract.example[feature.name]],
        }
        for feature in contract.features
    ]
    schemas["InferRequest"]["example"] = {"inputs": inputs}
    return schemas


def _response(model: Model, target: ServedTarget) -> dict[str, Any]:
    text = {"type": "string"}
    lineage = dict.fromkeys(("run_id", "git_commit", "data_md5", "feedback_token"), text)
    datatypes = dict.fromkeys(tensor.datatype for tensor in target.tensors.values())
    output = {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string", "enum": list(target.tensors)},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "datatype": {"type": "string", "enum": list(datatypes)},
            "parameters": {"type": "object", "properties": {"binary_data_size": {"type": "integer"}}},
            "data": {"type": "array"},
        },
    }
    properties = {
        "model_name": {"type": "string", "enum": [model.name]},
        "model_version": {"type": "string", "enum": [model.version]},
        "id": {"type": "string", "description": "The id of the request, or else the X-Request-ID"},
        "parameters": {"type": "object", "required": list(lineage), "properties": lineage},
        "outputs": {"type": "array", "items": output},
    }
    return {"type": "object", "required": list(properties), "properties": properties}
