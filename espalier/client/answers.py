"""Read responses: JSON, or the problem that the API reports (RFC 9457)."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from espalier.client.errors import ApiProblem, ApiUnreachable, FieldProblem, UnexpectedAnswer

__all__ = ["as_problem", "as_unreachable", "is_untrusted", "read_object"]

SHOWN_CHARACTERS = 200


def as_problem(response: httpx.Response) -> ApiProblem:
    """Return the problem of a response, also if a proxy answered and not the API."""
    try:
        body = response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    detail = str(body.get("detail") or f"{response.reason_phrase or 'an error'}, without an explanation")
    problems = tuple(
        FieldProblem(str(item.get("field", "")), str(item.get("message", "")))
        for item in body.get("errors") or []
        if isinstance(item, dict)
    )
    request_id = str(body.get("request_id") or response.headers.get("x-request-id", ""))
    code = str(body.get("code") or "http_error")
    return ApiProblem(response.status_code, detail, code, request_id, problems, _retry_after(response))


def as_unreachable(error: httpx.HTTPError, url: str) -> ApiUnreachable:
    """Return why there was no answer."""
    advice = "; name the authority that issued its certificate with ca=FILE, or with --cacert"
    reason = str(error) or type(error).__name__
    return ApiUnreachable(f"{url} did not answer: {reason}{advice if is_untrusted(error) else ''}")


def is_untrusted(error: BaseException | None) -> bool:
    """Tell whether the server's certificate was not accepted, which a repetition does not change."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def read_object(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a response.

    Raises:
        UnexpectedAnswer
    """
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        kind = response.headers.get("content-type", "no content type")
        shown = response.text[:SHOWN_CHARACTERS]
        raise UnexpectedAnswer(f"expected JSON from {response.url.path}, got {response.status_code} {kind}: {shown}")
    return body


def _retry_after(response: httpx.Response) -> float | None:
    """Return seconds; the header has seconds or a date (RFC 9110, section 10.2.3)."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until.tzinfo else None
