"""The OpenAPI document: the routes from FastAPI, the rows and columns from the model's contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.http.inference_openapi import describe_inference
from services.api.http.media_types import ARROW, JSON, PARQUET
from services.api.http.openapi_responses import describe_responses, model_version_header
from services.api.model.loaded import Model
from services.api.prediction.columnar.json_columns import JsonColumnsReader
from services.api.prediction.feedback import FeedbackReader
from services.api.prediction.targets.target import ServedTarget
from services.api.prediction.validation import RowReader

__all__ = ["Bodies", "describe_bodies"]


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
MAX_NAMED = 30
"""Columns of explanations that are named; there may be thousands."""


@dataclass(frozen=True)
class Bodies:
    """What the document describes besides the routes."""

    model: Model
    target: ServedTarget
    rows: RowReader
    columns: JsonColumnsReader
    feedback: FeedbackReader


def describe_bodies(app: FastAPI, bodies: Bodies) -> None:
    """Describe the bodies with rows or columns, with a real row as the example."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, bodies)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def _build(app: FastAPI, bodies: Bodies) -> dict[str, Any]:
    model, target, feedback = bodies.model, bodies.target, bodies.feedback
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    row = model.bundle.contract.example
    by_row, by_column = bodies.rows.schema(), bodies.columns.schema()
    parts = by_row.pop("$defs", {}) | by_column.pop("$defs", {})
    request = {"anyOf": [by_row, by_column], "$defs": parts, "example": {"rows": [row]}}
    _describe(document, "/v1/predict", "Predict", request, _predictions(target))
    _add_columns(document["paths"]["/v1/predict"]["post"], target)
    document["paths"]["/v1/predict"]["post"]["responses"]["200"]["headers"] = model_version_header(model.version)
    labelled = {
        "feedback_token": "the feedback_token from the response of /v1/predict",
        "labels": [target.example_truth],
    }
    request = feedback.schema() | {"example": {"feedback": [labelled]}}
    _describe(document, "/v1/feedback", "Feedback", request, _feedback())
    describe_inference(document, model, target)
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


def _add_columns(operation: dict[str, Any], target: ServedTarget) -> None:
    operation["requestBody"]["content"] |= {ARROW: {"schema": ARROW_BODY}, PARQUET: {"schema": PARQUET_BODY}}
    operation["responses"]["200"]["content"][ARROW] = {"schema": _arrow_response(target)}


def _arrow_response(target: ServedTarget) -> dict[str, Any]:
    label = ["label (a dictionary of utf8)"] if target.classes else []
    explained = [name for name in target.all_columns if name not in target.number_columns]
    more = f", … ({len(explained)} in total)" if len(explained) > MAX_NAMED else ""
    return {
        "type": "string",
        "format": "binary",
        "description": f"An Arrow IPC stream with the columns {', '.join([*label, *target.number_columns])}, and with "
        f"explain=true {', '.join(explained[:MAX_NAMED])}{more}. The numbers are float32. The metadata of the schema "
        "has model (JSON), feedback_token and request_id.",
    }


def _content(name: str) -> dict[str, Any]:
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _served() -> dict[str, Any]:
    texts = ["name", "version", "run_id", "git_commit", "data_md5"]
    return {"type": "object", "required": texts, "properties": {text: {"type": "string"} for text in texts}}


def _predictions(target: ServedTarget) -> tuple[str, dict[str, Any]]:
    return f"The predictions, in the order of the rows: {target.meaning}", {
        "model": _served(),
        "predictions": {"type": "array", "items": target.schema()},
        "feedback_token": {
            "type": "string",
            "description": "Send it to /v1/feedback with the true labels or values, once they are known. Empty with "
            "feedback=false, and for more rows than one request to /v1/feedback may have",
        },
    }


def _feedback() -> tuple[str, dict[str, Any]]:
    number = {"type": "integer", "minimum": 0}
    return "How many rows were counted now, and how many had been counted before", {
        "counted": number,
        "already_counted": number,
    }
