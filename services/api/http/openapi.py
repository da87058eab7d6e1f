"""The OpenAPI document: the routes from FastAPI, the rows from the model's contract."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.model.loaded import Model
from services.api.prediction.feedback import FeedbackReader
from services.api.prediction.validation import RowReader

__all__ = ["describe_bodies"]


def describe_bodies(app: FastAPI, model: Model, rows: RowReader, feedback: FeedbackReader) -> None:
    """Describe the bodies with rows, with a real row as the example."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, model, rows, feedback)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _build(app: FastAPI, model: Model, rows: RowReader, feedback: FeedbackReader) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    row = model.bundle.contract.example
    request = rows.schema() | {"example": {"rows": [row]}}
    _describe(document, "/v1/predict", "Predict", request, _predictions(model))
    labelled = {
        "feedback_token": "the feedback_token from the response of /v1/predict",
        "labels": [model.label_names[1]],
    }
    request = feedback.schema() | {"example": {"feedback": [labelled]}}
    _describe(document, "/v1/feedback", "Feedback", request, _feedback())
    return document


def _describe(
    document: dict[str, Any], path: str, name: str, request: dict[str, Any], response: tuple[str, dict[str, Any]]
) -> None:
    schemas, operation = document["components"]["schemas"], document["paths"][path]["post"]
    schemas.update(request.pop("$defs", {}))
    text, properties = response
    properties = {**properties, "request_id": {"type": "string"}}
    schemas[f"{name}Request"] = request
    schemas[f"{name}Response"] = {"type": "object", "required": list(properties), "properties": properties}
    operation.pop("x-body", None)
    operation["requestBody"] = {"required": True, "content": _content(f"{name}Request")}
    operation["responses"]["200"] = {"description": text, "content": _content(f"{name}Response")}


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _served() -> dict[str, Any]:
    texts = ["name", "version", "run_id", "git_commit", "data_md5"]
    return {"type": "object", "required": texts, "properties": {text: {"type": "string"} for text in texts}}


def _predictions(model: Model) -> tuple[str, dict[str, Any]]:
    features = {feature.name: {"type": "number"} for feature in model.bundle.contract.features}
    prediction = {
        "type": "object",
        "required": ["label", "probability"],
        "properties": {
            "label": {"type": "string", "enum": list(model.label_names)},
            "probability": {"type": "number", "minimum": 0, "maximum": 1},
            "contributions": {
                "type": "object",
                "description": "Contribution of each feature, in log-odds",
                "properties": features,
            },
            "base_value": {"type": "number", "description": "Log-odds without any feature"},
        },
    }
    return "The predictions, in the order of the rows", {
        "model": _served(),
        "predictions": {"type": "array", "items": prediction},
        "feedback_token": {
            "type": "string",
            "description": "Send it to /v1/feedback with the true labels, once they are known",
        },
    }


def _feedback() -> tuple[str, dict[str, Any]]:
    number = {"type": "integer", "minimum": 0}
    return "How many rows were counted now, and how many had been counted before", {
        "counted": number,
        "already_counted": number,
    }
