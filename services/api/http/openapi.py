"""The OpenAPI document: the routes from FastAPI, the rows and columns from the model's contract."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.http.inference_openapi import describe_inference
from services.api.http.media_types import ARROW, JSON, PARQUET
from services.api.http.openapi_responses import describe_responses, model_version_header
from services.api.model.loaded import Model
from services.api.prediction.columnar.json_columns import JsonColumnsReader
from services.api.prediction.feedback import FeedbackReader
from services.api.prediction.validation import RowReader

__all__ = ["describe_bodies"]


ARROW_BODY = {
    "type": "string",
    "format": "binary",
    "description": "An Arrow IPC stream with a column for each feature, in any order: integers or floats of any width, "
    "bool, or utf8, large_utf8, utf8_view or a dictionary of these. Null, and NaN, is a missing value. No compression.",
}
PARQUET_BODY = {
    "type": "string",
    "format": "binary",
    "description": "A Parquet file with a column for each feature, in any order: numbers, booleans or texts, which may "
    "be a dictionary. Null, and NaN, is a missing value. Compressed with Snappy, Zstandard, gzip, or not at all.",
}
ARROW_RESPONSE = {
    "type": "string",
    "format": "binary",
    "description": "An Arrow IPC stream with the columns label (a dictionary of utf8) and probability (float32), and "
    "with explain=true base_value and contribution.NAME for each feature (float32). The metadata of the schema has "
    "model (JSON), feedback_token and request_id.",
}


def describe_bodies(
    app: FastAPI, model: Model, rows: RowReader, columns: JsonColumnsReader, feedback: FeedbackReader
) -> None:
    """Describe the bodies with rows or columns, with a real row as the example."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, model, rows, columns, feedback)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _build(
    app: FastAPI, model: Model, rows: RowReader, columns: JsonColumnsReader, feedback: FeedbackReader
) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    row = model.bundle.contract.example
    by_row, by_column = rows.schema(), columns.schema()
    parts = by_row.pop("$defs", {}) | by_column.pop("$defs", {})
    request = {"anyOf": [by_row, by_column], "$defs": parts, "example": {"rows": [row]}}
    _describe(document, "/v1/predict", "Predict", request, _predictions(model))
    _add_columns(document["paths"]["/v1/predict"]["post"])
    document["paths"]["/v1/predict"]["post"]["responses"]["200"]["headers"] = model_version_header(model.version)
    labelled = {
        "feedback_token": "the feedback_token from the response of /v1/predict",
        "labels": [model.label_names[1]],
    }
    request = feedback.schema() | {"example": {"feedback": [labelled]}}
    _describe(document, "/v1/feedback", "Feedback", request, _feedback())
    describe_inference(document, model)
    describe_responses(document)
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


def _add_columns(operation: dict[str, Any]) -> None:
    operation["requestBody"]["content"] |= {ARROW: {"schema": ARROW_BODY}, PARQUET: {"schema": PARQUET_BODY}}
    operation["responses"]["200"]["content"][ARROW] = {"schema": ARROW_RESPONSE}


def _content(name: str) -> dict[str, Any]:
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


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
            "description": "Send it to /v1/feedback with the true labels, once they are known. Empty with "
            "feedback=false, and for more rows than one request to /v1/feedback may have",
        },
    }


def _feedback() -> tuple[str, dict[str, Any]]:
    number = {"type": "integer", "minimum": 0}
    return "How many rows were counted now, and how many had been counted before", {
        "counted": number,
        "already_counted": number,
    }
