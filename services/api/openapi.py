"""The OpenAPI document: what FastAPI knows of the routes, and what only the contract knows of the rows."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.model import Model
from services.api.rows import RowReader

__all__ = ["describe_predictions"]

PATH = "/v1/predict"


def describe_predictions(app: FastAPI, model: Model, reader: RowReader) -> None:
    """Make the document say what a row is, with a real one as its example."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, model, reader)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _build(app: FastAPI, model: Model, reader: RowReader) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = document["components"]["schemas"]
    body = reader.schema()
    schemas.update(body.pop("$defs", {}))
    body["example"] = {"rows": [model.bundle.contract.example]}
    schemas["PredictRequest"] = body
    schemas["PredictResponse"] = _response(model)
    operation = document["paths"][PATH]["post"]
    operation.pop("x-body", None)
    operation["requestBody"] = {"required": True, "content": _content("PredictRequest")}
    operation["responses"]["200"] = {
        "description": "The predictions, in the order of the rows",
        "content": _content("PredictResponse"),
    }
    return document


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _response(model: Model) -> dict[str, Any]:
    texts = ["name", "version", "run_id", "git_commit", "data_md5"]
    features = {feature.name: {"type": "number"} for feature in model.bundle.contract.features}
    prediction = {
        "type": "object",
        "required": ["label", "probability"],
        "properties": {
            "label": {"type": "string", "enum": list(model.label_names)},
            "probability": {"type": "number", "minimum": 0, "maximum": 1},
            "contributions": {"type": "object", "description": "Log-odds by feature", "properties": features},
            "base_value": {"type": "number", "description": "Log-odds before any feature"},
        },
    }
    served = {"type": "object", "required": texts, "properties": {text: {"type": "string"} for text in texts}}
    properties = {
        "model": served,
        "predictions": {"type": "array", "items": prediction},
        "request_id": {"type": "string"},
    }
    return {"type": "object", "required": list(properties), "properties": properties}
