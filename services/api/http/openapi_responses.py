"""Responses in the OpenAPI document, completed: their headers, and errors only in the media type that they have."""

from __future__ import annotations

from typing import Any

from services.api.http.media_types import JSON
from services.api.http.problems import MEDIA_TYPE
from services.api.http.request_id import PLAIN

__all__ = ["describe_responses", "model_version_header"]

REQUEST_ID = {
    "description": "The id of the request in the log: the client's own X-Request-ID if it is plain text",
    "required": True,
    "schema": {"type": "string", "pattern": f"^{PLAIN.pattern}$"},
}
CHALLENGE = {"description": "How to authenticate (RFC 6750)", "required": True, "schema": {"type": "string"}}
RETRY_AFTER = {
    "description": "Seconds until a retry can succeed",
    "required": True,
    "schema": {"type": "integer", "minimum": 0},
}
RATE_LIMIT = {
    "RateLimit-Policy": {
        "description": "The quota of the user, if there is one: q rows in w seconds",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "The rows that are left of it (r), and the seconds within which there are no more (t)",
        "schema": {"type": "string"},
    },
}
WITH_RATE_LIMIT = ("200", "422", "429")
"""Statuses of predictions whose description has it; other errors may have it too."""

ERRORS = {"#/components/schemas/Problem", "#/components/schemas/InferenceError"}
OF_ERRORS = {
    "401": {"WWW-Authenticate": CHALLENGE},
    "429": {"Retry-After": RETRY_AFTER},
    "503": {"Retry-After": RETRY_AFTER},
}
"""Status of an error → its headers. The 503 of a readiness probe is no error."""


def model_version_header(version: str) -> dict[str, Any]:
    """Return the header of responses with predictions."""
    schema = {"type": "string", "enum": [version]}
    return {"X-Model-Version": {"description": "The version that predicted", "required": True, "schema": schema}}


def describe_responses(document: dict[str, Any]) -> None:
    """Complete every response of the document."""
    for operations in document["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            predicts = "X-Model-Version" in responses.get("200", {}).get("headers", {})
            for status, response in responses.items():
                _complete(status, response)
                if predicts and status in WITH_RATE_LIMIT:
                    response["headers"] |= RATE_LIMIT


def _complete(status: str, response: dict[str, Any]) -> None:
    content = response.get("content", {})
    if MEDIA_TYPE in content:
        content.pop(JSON, None)  # FastAPI describes every model as JSON too
    is_error = any(one.get("schema", {}).get("$ref") in ERRORS for one in content.values())
    more = OF_ERRORS.get(status, {}) if is_error else {}
    response["headers"] = {**response.get("headers", {}), "X-Request-ID": REQUEST_ID, **more}
