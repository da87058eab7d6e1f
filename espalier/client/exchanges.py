"""The requests of a call, and what becomes of their responses; ``Client`` and ``AsyncClient`` only send them.

A call is a generator: it yields requests, gets the response of each, or the ``ApiProblem``, and returns its result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from espalier.client.answers import read_object
from espalier.client.errors import ApiProblem, InvalidInput, UnexpectedAnswer
from espalier.client.predictions import AnyPrediction, read_prediction
from espalier.client.results import Answered, FeedbackCount, Model, Predictions, Receipt
from espalier.client.rows import Rows, accept, plain_value

__all__ = ["Exchange", "Limits", "Options", "Request", "feedback", "model", "predict"]

T = TypeVar("T")

JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"
DEFAULT_ROWS = {JSON: 1000, ARROW: 100_000}
"""Per request, as the API allows by default."""

DEFAULT_EXPLAINED_ROWS = 100
TOO_LARGE, NO_SUCH_TYPE = 413, 415
WITHOUT_RECEIPT = (
    "the API gives no feedback token for so many rows in one request; if you will know the true labels, predict with "
    "rows_per_request=1000 (espalier predict --batch-rows 1000)"
)


@dataclass(frozen=True)
class Request:
    """A request to send, with a token and with retries."""

    method: str
    path: str
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


Exchange = Generator[Request, httpx.Response, T]


@dataclass
class Limits:
    """What a client has learned about its API: whether it takes Arrow, and how many rows in one request."""

    takes_arrow: bool = True
    rows: dict[tuple[str, bool], int] = field(default_factory=dict)

    def of(self, kind: str, *, explain: bool) -> int:
        """Return the number of rows of the next request."""
        return self.rows.get((kind, explain), DEFAULT_EXPLAINED_ROWS if explain else DEFAULT_ROWS[kind])

    def learn(self, problem: ApiProblem, kind: str, sent: int, *, explain: bool) -> bool:
        """Tell whether the rows can be sent in another way, and remember it."""
        if problem.status == NO_SUCH_TYPE and kind == ARROW:
            self.takes_arrow = False
            return True
        if (problem.status == TOO_LARGE or problem.code == "too_many_rows") and sent > 1:
            self.rows[kind, explain] = sent // 2
            return True
        return False


@dataclass(frozen=True)
class Options:
    """Options of a prediction."""

    explain: bool = False
    rows_per_request: int | None = None
    kind: type[AnyPrediction] | None = None
    """What the model must predict; None: whatever it predicts."""

    progress: Callable[[int], None] | None = None
    """Called after each request with the number of rows that are predicted so far."""

    def __post_init__(self) -> None:
        """Check the number of rows."""
        if self.rows_per_request is not None and self.rows_per_request < 1:
            raise InvalidInput("rows_per_request must be at least 1")


def predict(rows: Any, limits: Limits, options: Options) -> Exchange[Predictions[Any]]:
    """Predict all rows, in as many requests as their number needs.

    Raises:
        ApiProblem: its fields have the numbers of the rows in the whole table.
        InvalidInput: the rows are of no supported kind, or a value cannot be sent.
    """
    accepted = accept(rows)
    done, answers = 0, []
    while done < len(accepted):
        kind, request, sent = _next_request(accepted, done, limits, options)
        try:
            response = yield request
        except ApiProblem as problem:
            if not limits.learn(problem, kind, sent, explain=options.explain):
                raise problem.shifted(done) from None
            continue
        answers.append(_checked(_read_predictions(response, sent), options.kind))
        done += sent
        if options.progress is not None:
            options.progress(done)
    return Predictions(accepted.answer(answers), tuple(answer.part() for answer in answers))


def feedback(of: Predictions[Any] | Sequence[Receipt], labels: Any) -> Exchange[FeedbackCount]:
    """Send the true label or value of each row, or None where it is not known; one request for each receipt.

    Raises:
        InvalidInput: there is not one label for each row, or a receipt has no token.
    """
    receipts = of.receipts if isinstance(of, Predictions) else tuple(of)
    truth, rows = _as_list(labels), sum(receipt.rows for receipt in receipts)
    if len(truth) != rows:
        raise InvalidInput(f"{rows:,} rows were predicted, but there are {len(truth):,} labels")
    if not all(receipt.feedback_token for receipt in receipts):
        raise InvalidInput(WITHOUT_RECEIPT)
    counted = already_counted = done = 0
    for receipt in receipts:
        item = {"feedback_token": receipt.feedback_token, "labels": truth[done : done + receipt.rows]}
        content = _dump({"feedback": [item]})
        answer = read_object((yield Request("POST", "/v1/feedback", content, {"Content-Type": JSON})))
        counted += int(answer.get("counted", 0))
        already_counted += int(answer.get("already_counted", 0))
        done += receipt.rows
    return FeedbackCount(counted, already_counted)


def model() -> Exchange[dict[str, Any]]:
    """Return the served model: its name, version, contract, metrics and lineage."""
    return read_object((yield Request("GET", "/v1/model")))


def _next_request(rows: Rows[Any], done: int, limits: Limits, options: Options) -> tuple[str, Request, int]:
    """Return the type and the content of the next request, and its number of rows."""
    explain = options.explain
    if limits.takes_arrow and not explain:  # contributions come only as JSON
        stop = _stop(rows, done, limits.of(ARROW, explain=explain), options)
        stream = _as_stream(rows, done, stop)
        if stream is not None:
            headers = {"Content-Type": ARROW, "Accept": ARROW}
            return ARROW, Request("POST", "/v1/predict", stream, headers), stop - done
    stop = _stop(rows, done, limits.of(JSON, explain=explain), options)
    headers = {"Content-Type": JSON, "Accept": JSON}
    parameters = {"explain": "true"} if explain else {}
    content = _dump({"rows": rows.records(done, stop)})
    return JSON, Request("POST", "/v1/predict", content, headers, parameters), stop - done


def _stop(rows: Rows[Any], start: int, size: int, options: Options) -> int:
    return min(len(rows), start + min(size, options.rows_per_request or size))


def _as_stream(rows: Rows[Any], start: int, stop: int) -> bytes | None:
    """Return rows as an Arrow stream; None if they are no table, or a column has values of several types."""
    try:
        table = rows.table(start, stop)
        if table is None:
            return None
        from espalier.client.arrow import write_stream

        return write_stream(table)
    except (ValueError, TypeError, NotImplementedError):
        return None  # of pyarrow; as JSON the rows reach the API, which names the field


def _read_predictions(response: httpx.Response, rows: int) -> Answered:
    if response.headers.get("content-type", "").startswith(ARROW):
        from espalier.client.arrow import read_stream

        answered = read_stream(response.content)
    else:
        answered = _read_json(read_object(response))
    if answered.rows != rows:
        raise UnexpectedAnswer(f"{rows:,} rows were sent, but {answered.rows:,} predictions returned")
    return answered


def _checked(answered: Answered, kind: type[AnyPrediction] | None) -> Answered:
    found = answered.kind()
    if kind is not None and found is not kind:
        raise UnexpectedAnswer(
            f"{answered.model.name} version {answered.model.version} predicts a {found.type} target: pass "
            f"kind={found.__name__}, not {kind.__name__}"
        )
    return answered


def _read_json(answer: dict[str, Any]) -> Answered:
    try:
        predictions = [read_prediction(one) for one in answer["predictions"]]
        return Answered(
            Model.read(answer["model"]),
            str(answer.get("feedback_token", "")),
            str(answer.get("request_id", "")),
            len(predictions),
            predictions,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnexpectedAnswer(f"the answer has no predictions: {error!r}") from error


def _dump(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"a value cannot be sent as JSON: {error}") from error


def _as_list(labels: Any) -> list[Any]:
    """Return labels of a list, an array or a column, with None for missing ones."""
    for name in ("to_pylist", "to_list", "tolist"):  # pyarrow; Polars and pandas; numpy
        if hasattr(labels, name):
            labels = getattr(labels, name)()
            break
    return [plain_value(label) for label in labels]
