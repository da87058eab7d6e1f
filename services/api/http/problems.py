"""Map errors to responses: one table, one format (RFC 9457), and under /v2 that of the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from services.api.errors import (
    ApiError,
    BodyCutShort,
    BodyTooLarge,
    BodyTooSlow,
    Busy,
    FeedbackLimitReached,
    FieldProblem,
    InsufficientScope,
    InvalidCredentials,
    InvalidRefreshToken,
    InvalidRequest,
    InvalidResetCode,
    InvalidRows,
    InvalidToken,
    LastAdministrator,
    MalformedBody,
    QuotaExceeded,
    StoreUnavailable,
    TooManyLogins,
    TooManyRows,
    UnknownModel,
    UnknownUser,
    UnsupportedMediaType,
    UserExists,
    WeakPassword,
)

__all__ = [
    "STATUS",
    "InferenceError",
    "Problem",
    "ProblemResponse",
    "documented",
    "documented_inference",
    "install_error_handlers",
    "late_problem",
    "problem_response",
    "unexpected_problem",
]

STATUS: dict[type[ApiError], int] = {
    InvalidCredentials: 401,
    InvalidRefreshToken: 401,
    InvalidResetCode: 401,
    InvalidToken: 401,
    InsufficientScope: 403,
    TooManyLogins: 429,
    Busy: 503,
    FeedbackLimitReached: 429,
    QuotaExceeded: 429,
    StoreUnavailable: 503,
    InvalidRequest: 422,
    MalformedBody: 400,
    BodyTooLarge: 413,
    BodyTooSlow: 408,
    BodyCutShort: 400,
    UnsupportedMediaType: 415,
    TooManyRows: 422,
    InvalidRows: 422,
    WeakPassword: 422,
    UserExists: 409,
    UnknownUser: 404,
    UnknownModel: 404,
    LastAdministrator: 409,
}
"""Status of each error; a test checks that none is missing."""

CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed"}
"""Codes of errors that the framework raises."""

BODY_NOT_READ = (408, 413)
"""The rest of the body may still arrive, so the connection cannot be reused."""

MAX_PROBLEMS = 20
MAX_DETAIL = 2000
MEDIA_TYPE = "application/problem+json"


class ProblemField(BaseModel):
    """A field, and what it must be."""

    field: str
    message: str


class Problem(BaseModel):
    """The format of every error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemField] | None = None


class InferenceError(BaseModel):
    """The format of an error under /v2 (Open Inference Protocol)."""

    error: str


class ProblemResponse(Response):
    """An error, in the format of the path that was requested."""

    def __init__(self, problem: dict[str, Any], status: int, headers: dict[str, str]) -> None:
        """Write it as a problem."""
        super().__init__(orjson.dumps(problem), status, headers, MEDIA_TYPE)
        self._problem = problem

    def write_for(self, path: str) -> None:
        """Write it in the format of a path."""
        if f"{path}/".startswith("/v2/"):
            fields = [f"{problem['field']}: {problem['message']}" for problem in self._problem.get("errors", ())]
            self.body = orjson.dumps({"error": "; ".join(fields)[:MAX_DETAIL] or self._problem["detail"]})
            self.headers["Content-Type"] = "application/json"
            self.headers["Content-Length"] = str(len(self.body))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        self.write_for(scope["path"])
        await super().__call__(scope, receive, send)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for errors of a route."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": HTTPStatus(status).phrase, "model": Problem, "content": {MEDIA_TYPE: schema}}
        for status in statuses
    }


def documented_inference(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for errors of a route under /v2."""
    return {status: {"description": HTTPStatus(status).phrase, "model": InferenceError} for status in statuses}


def problem_response(
    request_id: str,
    status: int,
    *,
    code: str,
    detail: str,
    problems: Sequence[FieldProblem] = (),
    retry_after_seconds: int | None = None,
) -> ProblemResponse:
    """Build the response for an error."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    headers = {"Cache-Control": "no-store"}
    if problems:
        body["errors"] = [{"field": problem.field, "message": problem.message} for problem in problems]
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer" if code == "invalid_credentials" else f'Bearer error="{code}"'
    if status in BODY_NOT_READ:
        headers["Connection"] = "close"
    return ProblemResponse(body, status, headers)


def unexpected_problem(request_id: str) -> Response:
    """Build the response for an unexpected error: no internals, but the request id to find it in the log."""
    detail = "Internal error; your request is not the cause. Report it with the request id."
    return problem_response(request_id, 500, code="internal", detail=detail)


def late_problem(request_id: str) -> Response:
    """Build the response for a request that timed out."""
    detail = "The request timed out. Send fewer rows, or retry later."
    return problem_response(request_id, 504, code="too_late", detail=detail, retry_after_seconds=1)


def install_error_handlers(app: FastAPI, methods: Mapping[str, Collection[str]]) -> None:
    """Send every expected error in this format; RequestMiddleware handles unexpected errors.

    Args:
        app: the application.
        methods: path of a route → the methods that it takes.
    """

    async def on_api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101 (what the handler is registered for)
        return _respond(request, error)

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        if isinstance(error.__cause__, ApiError):  # FastAPI wraps errors of reading a form or a body
            return _respond(request, error.__cause__)
        code = CODES.get(error.status_code, "http_error")
        response = problem_response(_request_id(request), error.status_code, code=code, detail=error.detail)
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # the framework names those of one function only
            response.headers["Allow"] = ", ".join(sorted(methods.get(request.scope["route"].path, ())))
        return response

    async def on_validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        problems = [
            FieldProblem(".".join(str(part) for part in found["loc"])[:200], found["msg"], "invalid_request")
            for found in error.errors()[:MAX_PROBLEMS]
        ]
        detail = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)[:MAX_DETAIL]
        return problem_response(_request_id(request), 422, code="invalid_request", detail=detail, problems=problems)

    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)


def _respond(request: Request, error: ApiError) -> Response:
    return problem_response(
        _request_id(request),
        STATUS[type(error)],
        code=error.code,
        detail=str(error),
        problems=error.problems,
        retry_after_seconds=error.retry_after_seconds,
    )


def _request_id(request: Request) -> str:
    return str(request.scope.get("request_id", ""))
