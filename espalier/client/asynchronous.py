"""The client for asyncio: ``AsyncClient``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
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

__all__ = ["AsyncClient"]

T = TypeVar("T")
FrameT = TypeVar("FrameT", bound=Frame)


class AsyncClient:
    """A client of the prediction API for one event loop of asyncio; its tasks may share it.

    ::

        async with AsyncClient("https://predict.example.org", username="ana", password=...) as client:
            result = await client.predict([{"height": 3.5, "kind": "pear"}])
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet. The arguments are those of ``Client``.

        Raises:
            InvalidInput: an argument cannot be used.
        """
        self._connection = Connection(url, username, password, token, retries)
        self._http = httpx.AsyncClient(**self._connection.http_options(ca, timeout), transport=transport)

    @property
    def url(self) -> str:
        """The address of the API."""
        return self._connection.url

    @overload
    async def predict(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        explain: bool = ...,
        rows_per_request: int | None = ...,
        kind: None = ...,
        progress: Callable[[int], None] | None = ...,
    ) -> Predictions[list[Prediction]]: ...

    @overload
    async def predict(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        explain: bool = ...,
        rows_per_request: int | None = ...,
        kind: type[P],
        progress: Callable[[int], None] | None = ...,
    ) -> Predictions[list[P]]: ...

    @overload
    async def predict(
        self,
        rows: FrameT,
        *,
        explain: bool = ...,
        rows_per_request: int | None = ...,
        kind: type[AnyPrediction] | None = ...,
        progress: Callable[[int], None] | None = ...,
    ) -> Predictions[FrameT]: ...

    async def predict(
        self,
        rows: Any,
        *,
        explain: bool = False,
        rows_per_request: int | None = None,
        kind: type[Any] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Predictions[Any]:
        """Predict every row, as ``Client.predict`` does.

        Raises:
            ApiProblem, ApiUnreachable, UnexpectedAnswer, InvalidInput
        """
        options = Options(explain, rows_per_request, kind, progress)
        return await self._run(exchanges.predict(rows, self._connection.limits, options))

    async def feedback(self, of: Predictions[Any] | Sequence[Receipt], labels: Any) -> FeedbackCount:
        """Send the true labels of predicted rows, as ``Client.feedback`` does.

        Raises:
            ApiProblem, ApiUnreachable, UnexpectedAnswer, InvalidInput
        """
        return await self._run(exchanges.feedback(of, labels))

    async def model(self) -> dict[str, Any]:
        """Return the served model: its name, version, contract, metrics and lineage.

        Raises:
            ApiProblem, ApiUnreachable, UnexpectedAnswer
        """
        return await self._run(exchanges.model())

    async def log_in(self) -> dict[str, Any]:
        """Log in now, and return the answer with the access token; other calls do it when they need to.

        Raises:
            ApiProblem, ApiUnreachable, UnexpectedAnswer
            InvalidInput: the client has only a token.
        """
        login = self._connection.login()

        async def attempt() -> httpx.Response:
            return read(await self._http.send(login.request(), auth=None))

        answer = await self._repeat(attempt)
        login.keep(answer)
        return read_object(answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        """Return the client, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    def __repr__(self) -> str:
        """Return the address and the user."""
        return self._connection.describe(type(self).__name__)

    async def _run(self, exchange: Exchange[T]) -> T:
        try:
            request = next(exchange)
            while True:
                try:
                    response = await self._send(request)
                except ApiProblem as problem:
                    request = exchange.throw(problem)
                else:
                    request = exchange.send(response)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _send(self, request: Request) -> httpx.Response:
        async def attempt() -> httpx.Response:
            return read(await self._http.request(**http_arguments(request)))

        return await self._repeat(attempt)

    async def _repeat(self, attempt: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        try:
            return await self._connection.retries.asynchronous()(attempt)
        except httpx.HTTPError as error:
            raise as_unreachable(error, self.url) from error
