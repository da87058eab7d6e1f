"""Why a call of the client failed.

ClientError
├── ApiProblem          the API refused the request, or could not answer it (RFC 9457)
├── ApiUnreachable      no answer: no connection, an untrusted certificate, a timeout
├── UnexpectedAnswer    an answer that the API does not document, such as a page of a proxy
└── InvalidInput        what was passed cannot be sent; nothing was sent
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bundle import ExpectedError

__all__ = ["ApiProblem", "ApiUnreachable", "ClientError", "FieldProblem", "InvalidInput", "UnexpectedAnswer"]

ROW = re.compile(r"(?<=^rows\[)\d+(?=\])|(?<=\[)\d+(?=\]$)")
"""The number of a row, in ``rows[3].age`` of JSON and in ``columns.age[3]`` of Arrow."""


@dataclass(frozen=True)
class FieldProblem:
    """A field of the request, such as ``rows[3].age`` or ``columns.age[3]``, and what it must be."""

    field: str
    message: str

    def shifted(self, rows: int) -> FieldProblem:
        """Return the problem of a row that has ``rows`` more before it."""
        return replace(self, field=ROW.sub(lambda found: str(int(found[0]) + rows), self.field, count=1))


class ClientError(ExpectedError):
    """Base of every failure of a call."""


class ApiProblem(ClientError):
    """The API refused the request, or could not answer it."""

    def __init__(
        self,
        status: int,
        detail: str,
        code: str = "http_error",
        request_id: str = "",
        problems: tuple[FieldProblem, ...] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        """Store the problem.

        Args:
            status: HTTP status.
            detail: a sentence for people.
            code: a stable word, such as ``invalid_rows``; ``http_error`` if something before the API answered.
            request_id: names the request in the log of the API.
            problems: the fields that are wrong, at most twenty.
            retry_after_seconds: how long the API asks to wait.
        """
        super().__init__(status, detail, code, request_id, problems, retry_after_seconds)  # so that it can be pickled
        self.status, self.detail, self.code = status, detail, code
        self.request_id, self.problems, self.retry_after_seconds = request_id, problems, retry_after_seconds

    def __str__(self) -> str:
        """Return the status, the detail and the request id, then a line for each field."""
        reference = f" (request id {self.request_id})" if self.request_id else ""
        first = f"the API answered {self.status}: {self.detail}{reference}"
        return "\n".join([first, *(f"  {problem.field} {problem.message}" for problem in self.problems)])

    def shifted(self, rows: int) -> ApiProblem:
        """Return the problem with rows numbered as in a table that has ``rows`` more before them."""
        problems = tuple(problem.shifted(rows) for problem in self.problems)
        return ApiProblem(self.status, self.detail, self.code, self.request_id, problems, self.retry_after_seconds)


class ApiUnreachable(ClientError):
    """The API did not answer."""


class UnexpectedAnswer(ClientError):
    """The answer is not what the API documents."""


class InvalidInput(ClientError):
    """What was passed cannot be sent."""
