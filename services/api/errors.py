"""What can go wrong, without a word of HTTP; http/problems.py says what a client is told.

StartupFailed            the process must not serve; its text says what to do
├── DatabaseUnavailable         unless only logins need what is missing
├── NoModelYet           no version has passed the gate: waited for, unless told otherwise
├── RegistryUnreachable  it does not answer, and no good bundle is at hand
└── BundleRefused        what there is to serve is not to be trusted, or no model
ApiError
├── InvalidCredentials   unknown user, wrong password, disabled: never said which
├── InvalidToken         missing, malformed, expired, or not ours
├── InsufficientScope    the token does not allow this
├── TooManyLogins        of this account or address; come again later
├── Busy                 too many passwords are being checked
├── FeedbackLimitReached one client has sent as much as it may in an hour
├── StoreUnavailable     the database of users does not answer
├── InvalidRequest       the body is not what the route takes
│   ├── MalformedBody
│   ├── BodyTooLarge
│   ├── BodyTooSlow
│   ├── BodyCutShort     the client disconnected
│   ├── UnsupportedMediaType
│   ├── TooManyRows
│   └── InvalidRows      each problem names its field
├── WeakPassword
├── UserExists
├── UnknownUser
└── LastAdministrator    nobody would be left who can change users
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
    "InvalidRequest",
    "InvalidRows",
    "InvalidToken",
    "LastAdministrator",
    "MalformedBody",
    "NoModelYet",
    "RegistryUnreachable",
    "StartupFailed",
    "StoreUnavailable",
    "TooManyLogins",
    "TooManyRows",
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
    """The registry does not answer, and no good bundle is kept or offered by another pod."""


class BundleRefused(StartupFailed):
    """The bundle's signature, digests or format do not hold. Never a matter of trying again, and maybe an attack."""

    exit_code = 3


@dataclass(frozen=True)
class FieldProblem:
    """One field of a request, and what would be right."""

    field: str
    message: str
    reason: str
    """A stable word for metrics."""


class ApiError(ExpectedError):
    """Base of every failure that a client is told about."""

    exit_code = 2
    code: ClassVar[str] = "internal"
    retry_after_seconds: int | None = None
    problems: tuple[FieldProblem, ...] = ()


class InvalidCredentials(ApiError):
    """The name and password do not belong together."""

    code = "invalid_credentials"


class InvalidToken(ApiError):
    """The access token is not accepted. Whatever is wrong with it, the text is the same."""

    code = "invalid_token"

    def __init__(self) -> None:
        """Say how to get another."""
        super().__init__("the access token is missing, expired or not valid; get one from /v1/auth/token")


class InsufficientScope(ApiError):
    """The access token lacks a scope."""

    code = "insufficient_scope"


class TooManyLogins(ApiError):
    """Too many failed logins."""

    code = "too_many_logins"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        """Say when to come again."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Busy(ApiError):
    """Too much of something costly at once."""

    code = "busy"
    retry_after_seconds = 1


class FeedbackLimitReached(ApiError):
    """One client has sent more feedback than it may in an hour."""

    code = "feedback_limit_reached"

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        """Say when to come again."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreUnavailable(ApiError):
    """The database of users does not answer."""

    code = "unavailable"
    retry_after_seconds = 5


class InvalidRequest(ApiError):
    """Base of what is wrong with a body. ``reason`` is what the rejection counter says."""

    code = "invalid_request"
    reason: ClassVar[str] = "malformed_body"


class MalformedBody(InvalidRequest):
    """Not JSON, or not of the outer form."""

    code = "malformed_body"


class BodyTooLarge(InvalidRequest):
    """More bytes than allowed."""

    code = "body_too_large"
    reason = "body_too_large"


class BodyTooSlow(InvalidRequest):
    """Not whole in time."""

    code = "body_too_slow"
    reason = "body_too_slow"


class BodyCutShort(InvalidRequest):
    """The client disconnected before it was whole."""

    code = "body_cut_short"
    reason = "body_cut_short"


class UnsupportedMediaType(InvalidRequest):
    """Not application/json."""

    code = "unsupported_media_type"
    reason = "unsupported_media_type"


class TooManyRows(InvalidRequest):
    """More rows than allowed."""

    code = "too_many_rows"
    reason = "too_many_rows"


class InvalidRows(InvalidRequest):
    """Rows that do not follow the contract."""

    code = "invalid_rows"

    def __init__(self, message: str, problems: tuple[FieldProblem, ...]) -> None:
        """List the fields."""
        super().__init__(message)
        self.problems = problems


class WeakPassword(ApiError):
    """The password breaks a rule, which the text names."""

    code = "weak_password"


class UserExists(ApiError):
    """The name is taken."""

    code = "user_exists"


class UnknownUser(ApiError):
    """There is no user of this name."""

    code = "unknown_user"


class LastAdministrator(ApiError):
    """Nobody would be left who can change users."""

    code = "last_administrator"
