"""Errors of the API, independent of HTTP. http/problems.py maps them to responses.

StartupFailed            the process must not serve; the text says what to do
├── DatabaseUnavailable  the database does not answer; only logins need it
├── NoModelYet           no version has passed the gate; the API waits, unless the settings say otherwise
├── RegistryUnreachable  the registry does not answer, and no verified bundle is available
└── BundleRefused        the bundle is not trusted, or is not a model
ApiError
├── InvalidCredentials   unknown user, wrong password or disabled user; the client is never told which
├── InvalidToken         missing, malformed, expired, or not issued by this API
├── InvalidRefreshToken  unknown, expired, used before, or its session has ended
├── InvalidResetCode     unknown, expired or used code for a new password, or the user has changed since
├── InsufficientScope    the token does not allow this
├── TooManyLogins        too many failed logins of this account or address; retry later
├── Busy                 too many expensive operations at once; retry later
├── FeedbackLimitReached one client has sent as much feedback as it may in an hour
├── QuotaExceeded        a user has had as many rows predicted as it may; retry later
├── StoreUnavailable     the database of users does not answer
├── InvalidRequest       the body is not what the route expects
│   ├── MalformedBody
│   ├── BodyTooLarge
│   ├── BodyTooSlow
│   ├── BodyCutShort     the client disconnected
│   ├── UnsupportedMediaType
│   ├── TooManyRows
│   └── InvalidRows      each problem names a field
├── WeakPassword
├── UserExists
├── UnknownUser
├── UnknownModel         the path names a model or a version that is not served
└── LastAdministrator    no enabled administrator would be left
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bundle import ExpectedError

__all__ = [
    "ApiError",
    "BodyCutShort",
    "BodyTooLarge",
    "BodyTooSlow",
    "BundleRefused",
    "Busy",
    "DatabaseUnavailable",
    "FeedbackLimitReached",
    "FieldProblem",
    "InsufficientScope",
    "InvalidCredentials",
    "InvalidRefreshToken",
    "InvalidRequest",
    "InvalidResetCode",
    "InvalidRows",
    "InvalidToken",
    "LastAdministrator",
    "MalformedBody",
    "NoModelYet",
    "QuotaExceeded",
    "RegistryUnreachable",
    "StartupFailed",
    "StoreUnavailable",
    "TooManyLogins",
    "TooManyRows",
    "UnknownModel",
    "UnknownUser",
    "UnsupportedMediaType",
    "UserExists",
    "WeakPassword",
]


class StartupFailed(ExpectedError):
    """The API must not start."""

    exit_code = 2


class DatabaseUnavailable(StartupFailed):
    """The database of users does not answer; predictions do not need it."""


class NoModelYet(StartupFailed):
    """The registry answers, and has no version to serve."""


class RegistryUnreachable(StartupFailed):
    """The registry does not answer, and neither the cache nor another pod has a verified bundle."""


class BundleRefused(StartupFailed):
    """The bundle's signature, digests or format are wrong. A retry never helps, and it may be an attack."""

    exit_code = 3


@dataclass(frozen=True)
class FieldProblem:
    """One field of a request, and what it must be."""

    field: str
    message: str
    reason: str
    """A stable word for metrics."""


class ApiError(ExpectedError):
    """Base of every error that is sent to a client."""

    exit_code = 2
    code: ClassVar[str] = "internal"
    retry_after_seconds: int | None = None
    problems: tuple[FieldProblem, ...] = ()

    def __init__(self, message: str = "", retry_after_seconds: int | None = None) -> None:
        """Say what is wrong, and when to retry if the class does not."""
        super().__init__(message)
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds


class InvalidCredentials(ApiError):
    """The user name or the password is wrong."""

    code = "invalid_credentials"


class InvalidToken(ApiError):
    """The access token is not accepted. The text is the same for every reason."""

    code = "invalid_token"

    def __init__(self) -> None:
        """Say how to get a new one."""
        super().__init__("the access token is missing, expired or not valid; get one from /v1/auth/token")


class InvalidRefreshToken(ApiError):
    """The refresh token is not accepted. The text is the same for every reason."""

    code = "invalid_refresh_token"

    def __init__(self) -> None:
        """Say how to get a new one."""
        super().__init__("the refresh token is not valid, or it was used before; log in again at /v1/auth/token")


class InvalidResetCode(ApiError):
    """The code for a new password is not accepted. The text is the same for every reason."""

    code = "invalid_reset_code"

    def __init__(self) -> None:
        """Say how to get a new one."""
        super().__init__("the code is not valid any more, or is of another user; ask an administrator for a new one")


class InsufficientScope(ApiError):
    """The access token lacks a scope."""

    code = "insufficient_scope"


class TooManyLogins(ApiError):
    """Too many failed logins."""

    code = "too_many_logins"


class Busy(ApiError):
    """Too many expensive operations at once."""

    code = "busy"
    retry_after_seconds = 1


class FeedbackLimitReached(ApiError):
    """One client has sent more feedback than it may in an hour."""

    code = "feedback_limit_reached"


class QuotaExceeded(ApiError):
    """A user has had as many rows predicted as its quota allows."""

    code = "quota_exceeded"


class StoreUnavailable(ApiError):
    """The database of users does not answer."""

    code = "unavailable"
    retry_after_seconds = 5


class InvalidRequest(ApiError):
    """Base of the errors of a body. ``reason`` is the label of the rejection counter."""

    code = "invalid_request"
    reason: ClassVar[str] = "malformed_body"


class MalformedBody(InvalidRequest):
    """Not JSON, or not an object with the expected member."""

    code = "malformed_body"


class BodyTooLarge(InvalidRequest):
    """More bytes than the limit."""

    code = "body_too_large"
    reason = "body_too_large"


class BodyTooSlow(InvalidRequest):
    """Not complete in time."""

    code = "body_too_slow"
    reason = "body_too_slow"


class BodyCutShort(InvalidRequest):
    """The client disconnected before the body was complete."""

    code = "body_cut_short"
    reason = "body_cut_short"


class UnsupportedMediaType(InvalidRequest):
    """Of a media type that the route does not take."""

    code = "unsupported_media_type"
    reason = "unsupported_media_type"


class TooManyRows(InvalidRequest):
    """More rows than the limit."""

    code = "too_many_rows"
    reason = "too_many_rows"


class InvalidRows(InvalidRequest):
    """Rows that do not match the contract."""

    code = "invalid_rows"

    def __init__(self, message: str, problems: tuple[FieldProblem, ...]) -> None:
        """List the fields."""
        super().__init__(message)
        self.problems = problems


class WeakPassword(ApiError):
    """The password violates a rule, which the text names."""

    code = "weak_password"


class UserExists(ApiError):
    """The name is taken."""

    code = "user_exists"


class UnknownUser(ApiError):
    """There is no user with this name."""

    code = "unknown_user"


class UnknownModel(ApiError):
    """No model of this name, or no such version of it, is served."""

    code = "unknown_model"


class LastAdministrator(ApiError):
    """No enabled administrator would be left."""

    code = "last_administrator"
