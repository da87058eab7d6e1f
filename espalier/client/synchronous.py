"""The client for threads: ``Client``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

import httpx

from espalier.client import exchanges
from espalier.client.answers import as_unreachable, read_object
from espalier.client.connection import TIMEOUT_SECONDS, Connection, http_arguments, read
from espalier.client.errors import ApiProblem
from espalier.client.exchanges import Exchange, Options, Request
from espalier.client.predictions import AnyPrediction, P, Prediction
from espalier.client.results import FeedbackCount, Predictions, Receipt
from espalier.client.retries import Retries
from espalier.client.rows import Frame
from espalier.client.tls import Ca

__all__ = ["Client"]

T = TypeVar("T")
FrameT = TypeVar("FrameT", bound=Frame)


class Client:
    """A client of the prediction API; threads may share it.

    ::

        with Client("https://predict.example.org", username="ana", password=...) as client:
            result = client.predict([{"height": 3.5, "kind": "pear"}])
            print(result.predictions[0].label, result.model.version)
    """

    def __init__(  # noqa: PLR0913 - each is an option
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        ca: Ca = None,
        timeout: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            url: of the API, without /v1.
            username, password: log in with the first request, and again before the token expires or when it is revoked.
            token: a fixed access token instead.
            ca: PEM file with the certificate authority of the API; default: those of the system.
            timeout: seconds to wait for a connection, and for the next bytes of an answer.
            retries: how often a request is repeated that failed for a moment; default: ``Retries()``.
            transport: of httpx, instead of the network.

        Raises:
            InvalidInput: an argument cannot be used.
        """
        self._connection = Connection(url, username, password, token, retries)
        self._http = httpx.Client(**self._connection.http_options(ca, timeout), transport=transport)

    @property
    def url(self) -> str:
        """The address of the API."""
        return self._connection.url

    @overload
    def predict(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        explain: bool = ...,
        rows_per_request: int | None = ...,
        kind: None = ...,
        progress: Callable[[int], None] | None = ...,
    ) -> Predictions[list[Prediction]]: ...

    @overload
    def predict(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        explain: bool = ...,
        rows_per_request: int | None = ...,
        kind: type[P],
        progress: Callable[[int], None] | None = ...,
    ) -> Predictions[list[P]]: ...

    @overload
    def predict(
        self,
        rows: FrameT,
        *,
        explain: bool = ...,
        rows_per_request: int | None = ...,
        kind: type[AnyPrediction] | None = ...,
        progress: Callable[[int], None] | None = ...,
    ) -> Predictions[FrameT]: ...

    def predict(
        self,
        rows: Any,
        *,
        explain: bool = False,
        rows_per_request: int | None = None,
        kind: type[Any] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Predictions[Any]:
        """Predict every row; many rows are sent in several requests, in order.

        Args:
            rows: a list of dictionaries, or a table of pandas, Polars or pyarrow, with the features of the
                model. None, NaN and null are missing values.
            explain: add the contribution of each feature.
            rows_per_request: at most; default: 1,000 as JSON, 100,000 as Arrow, 100 with ``explain``. If the API allows
                fewer, the client sends fewer.
            kind: ``MulticlassPrediction`` or ``RegressionPrediction``, if the model predicts three or more classes or a
                number. The predictions are of that class without it too; it is for type checkers, and for a program
                that needs one kind: another model is an error.
            progress: called after each request with the number of rows that are predicted so far.

        Returns:
            predictions of the same kind: a list of ``Prediction``, or of ``MulticlassPrediction`` or
            ``RegressionPrediction``; or a table with as many rows (and in pandas the same index), with the columns
            label and probability, or label and probability.CLASS, or value, lower and upper.

        Raises:
            ApiProblem: the API refused the rows; its problems name the fields.
            UnexpectedAnswer: the model predicts something else than ``kind``, or not the API answered.
            ApiUnreachable, InvalidInput
        """
        options = Options(explain, rows_per_request, kind, progress)
        return self._run(exchanges.predict(rows, self._connection.limits, options))

    def feedback(self, of: Predictions[Any] | Sequence[Receipt], labels: Any) -> FeedbackCount:
        """Send the true labels, or values, of predicted rows, so that the API measures the quality of its predictions.

        Args:
            of: the result of ``predict``, or its receipts.
            labels: one for each row, in order: the name of its class, or a number if the model predicts one; None where
                it is not known yet.

        Raises:
            ApiProblem, ApiUnreachable, UnexpectedAnswer, InvalidInput
        """
        return self._run(exchanges.feedback(of, labels))

    def model(self) -> dict[str, Any]:
        """Return the served model: its name, version, contract, metrics and lineage.

        Raises:
            ApiProblem, ApiUnreachable, UnexpectedAnswer
        """
        return self._run(exchanges.model())

    def log_in(self) -> dict[str, Any]:
        """Log in now, and return the answer with the access token; other calls do it when they need to.

        Raises:
            ApiProblem, ApiUnreachable, UnexpectedAnswer
            InvalidInput: the client has only a token.
        """
        login = self._connection.login()
        answer = self._repeat(lambda: read(self._http.send(login.request(), auth=None)))
        login.keep(answer)
        return read_object(answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        """Return the client, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def __repr__(self) -> str:
        """Return the address and the user."""
        return self._connection.describe(type(self).__name__)

    def _run(self, exchange: Exchange[T]) -> T:
        try:
            request = next(exchange)
            while True:
                try:
                    response = self._send(request)
                except ApiProblem as problem:
                    request = exchange.throw(problem)
                else:
                    request = exchange.send(response)
        except StopIteration as end:
            result: T = end.value
            return result

    def _send(self, request: Request) -> httpx.Response:
        return self._repeat(lambda: read(self._http.request(**http_arguments(request))))

    def _repeat(self, attempt: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            return self._connection.retries.sync()(attempt)
        except httpx.HTTPError as error:
            raise as_unreachable(error, self.url) from error
