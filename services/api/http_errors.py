"""From failures to responses: one table, one shape (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from services.api.errors import (
    ApiError,
    BodyTooLarge,
    Busy,
    InsufficientScope,
    InvalidCredentials,
    InvalidRequest,
    InvalidRows,
    InvalidToken,
    MalformedBody,
    TooManyLogins,
    TooManyRows,
    UnknownUser,
    UnsupportedMediaType,
    UserExists,
    WeakPassword,
)

__all__ = ["STATUS", "Problem", "documented", "install_error_handlers", "problem_response", "unexpected_problem"]

STATUS: dict[type[ApiError], int] = {
    InvalidCredentials: 401,
    InvalidToken: 401,
    InsufficientScope: 403,
    TooManyLogins: 429,
    Busy: 503,
    InvalidRequest: 422,
    MalformedBody: 400,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    TooManyRows: 422,
    InvalidRows: 422,
    WeakPassword: 422,
    UserExists: 409,
    UnknownUser: 404,
}
"""Every failure's status; a test holds the table against the tree."""

MEDIA_TYPE = "application/problem+json"


class ProblemField(BaseModel):
    """A field, and what would be right."""

    field: str
    message: str


class Problem(BaseModel):
    """The one shape of an error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemField] | None = None


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of a route's failures."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "model": Problem, "content": {MEDIA_TYPE: schema}}
        for status in statuses
    }


def problem_response(
    request_id: str, status: int, *, code: str, detail: str, error: ApiError | None = None
) -> Response:
    """Build the response of a failure."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    headers = {"Cache-Control": "no-store"}
    if error is not None and error.problems:
        body["errors"] = [{"field": problem.field, "message": problem.message} for problem in error.problems]
    if error is not None and error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer" if code == "invalid_credentials" else f'Bearer error="{code}"'
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def unexpected_problem(request_id: str) -> Response:
    """Build the response of a failure that nobody expected: no internals, and an id to find it by."""
    detail = "Something went wrong here, not in your request. Quote the request id when you report it."
    return problem_response(request_id, 500, code="internal", detail=detail)


def install_error_handlers(app: FastAPI) -> None:
    """Make every expected failure of the app answer in the one shape; the rest is RequestFrame's."""

    async def on_api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101 (what the handler is registered for)
        return problem_response(
            _request_id(request), STATUS[type(error)], code=error.code, detail=str(error), error=error
        )

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
        response = problem_response(_request_id(request), error.status_code, code=code, detail=error.detail)
        response.headers.update(error.headers or {})
        return response

    async def on_validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        problems = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        return problem_response(_request_id(request), 422, code="invalid_request", detail="; ".join(problems)[:2000])

    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)


def _request_id(request: Request) -> str:
    return str(request.scope.get("request_id", ""))
