"""Feedback: the ground truth (true labels) of predicted rows, to measure the quality of live predictions.

Gives:  sums from which recording rules compute log loss, Brier score, accuracy and calibration of each version.
Never:  stores a label, counts a row twice, or accepts a row that this API has not predicted.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from bundle import Contract
from evaluation.row_schema import FieldSpec, dict_type
from services.api.errors import FieldProblem, InvalidRows, TooManyRows
from services.api.prediction.feedback_store import FeedbackStore
from services.api.prediction.feedback_tokens import FeedbackTokens, InvalidFeedbackToken, Receipt
from services.api.prediction.validation import MAX_PROBLEMS, ListReader

__all__ = ["Feedback", "FeedbackReader", "Scored", "Taken", "score_labels"]

SMALLEST = float(np.finfo(np.float64).eps)
"""Minimum distance of probabilities from 0 and 1, as in scikit-learn: a certain mistake costs 36 nats."""

MAX_TOKEN_CHARACTERS = 600_000
"""More than the longest token has: 100,000 rows of four bytes in base64."""

MAX_TOKENS_OF_A_LABEL = 3
"""The label, a comma, and the bracket of its list."""

log = logging.getLogger("espalier.api.feedback")


class FeedbackReader(ListReader):
    """Reads feedback tokens with the labels of their rows."""

    def __init__(self, contract: Contract, *, max_rows: int) -> None:
        """Create the checks from the contract."""
        classes = contract.target.classes
        token = Annotated[str, Field(max_length=MAX_TOKEN_CHARACTERS, description="From the response of /v1/predict.")]
        by_row = "The true label of each row, in the order of the rows; null if it is not known."
        label: Any = Literal[classes]
        labels = Annotated[list[label | None], Field(max_length=max_rows, description=by_row)]
        kind = dict_type("Feedback", {"feedback_token": token, "labels": labels})
        place = FieldSpec(
            names={
                "feedback_token": FieldSpec("the feedback_token from the response of /v1/predict"),
                "labels": FieldSpec(f"a list with one of {', '.join(classes)} or null for each row"),
            },
            unknown="is not a known name; feedback has feedback_token and labels",
        )
        form = '{"feedback": [{"feedback_token": text, "labels": [label or null, ...]}, ...]}'
        more = MAX_TOKENS_OF_A_LABEL * max_rows
        super().__init__("feedback", kind, place, form=form, max_rows=max_rows, more_tokens=more)


@dataclass(frozen=True)
class Scored:
    """(n,) probabilities, true labels and predicted labels; sums over all n rows."""

    probabilities: npt.NDArray[np.float32]
    truth: npt.NDArray[np.bool_]
    predicted: npt.NDArray[np.bool_]
    log_loss: float
    """Nats."""

    squared_error: float


@dataclass(frozen=True)
class Taken:
    """How many labels of a request were counted."""

    counted: int
    already_counted: int


@dataclass(frozen=True)
class _Labelled:
    receipt: Receipt
    labels: Sequence[str | None]


class Feedback:
    """Checks feedback, accepts each row once, and counts it for the version that predicted it."""

    def __init__(
        self,
        tokens: FeedbackTokens,
        store: FeedbackStore,
        count: Callable[[str, Scored], None],
        *,
        classes: tuple[str, str],
        max_rows: int,
        senders: Collection[str],
    ) -> None:
        """Store the dependencies.

        Args:
            count: called with a version and the scores of its rows.
            classes: the current labels; feedback on a version with other labels is refused.
            max_rows: maximum rows in one request, with or without a label.
            senders: users who may send feedback on every user's predictions.
        """
        self._tokens, self._store, self._count = tokens, store, count
        self._classes, self._max_rows, self._senders = classes, max_rows, frozenset(senders)

    def take(self, subject: str, items: Sequence[dict[str, Any]]) -> Taken:
        """Count all labels that were not counted yet, or none.

        Raises:
            InvalidRows: a token is not valid, belongs to another user, or has another number of rows.
            TooManyRows
            FeedbackLimitReached, StoreUnavailable: nothing was counted.
        """
        if sum(len(item["labels"]) for item in items) > self._max_rows:
            raise TooManyRows(f"feedback: send at most {self._max_rows} rows in one request")
        labelled = self._check(subject, items)
        rows = [
            (item.receipt.receipt_id, row, item.receipt.expires)
            for item in labelled
            for row, label in enumerate(item.labels)
            if label is not None
        ]
        new = self._store.take(subject, rows) if rows else set()
        # Stored first, then counted: a process killed in between loses a row, but none is counted twice.
        for version, scored in _score_by_version(labelled, new):
            self._count(version, scored)
        log.info("feedback", extra={"subject": subject, "rows": len(rows), "counted": len(new)})
        return Taken(counted=len(new), already_counted=len(rows) - len(new))

    def _check(self, subject: str, items: Sequence[dict[str, Any]]) -> list[_Labelled]:
        labelled: dict[str, _Labelled] = {}
        problems = []
        for index, item in enumerate(items):
            try:
                receipt = self._tokens.verify(item["feedback_token"])
                self._check_receipt(receipt, subject, len(item["labels"]))
                if receipt.receipt_id in labelled:
                    raise InvalidFeedbackToken("a duplicate; send all labels of a prediction in one list")
                labelled[receipt.receipt_id] = _Labelled(receipt, item["labels"])
            except InvalidFeedbackToken as error:
                problems.append(FieldProblem(f"feedback[{index}].feedback_token", f"is {error}", "invalid_token"))
        if problems:
            more = f" (the first {MAX_PROBLEMS} are listed)" if len(problems) > MAX_PROBLEMS else ""
            detail = f"{len(problems)} feedback token(s) are not accepted, and no row was counted{more}; see errors"
            raise InvalidRows(detail, tuple(problems[:MAX_PROBLEMS]))
        return list(labelled.values())

    def _check_receipt(self, receipt: Receipt, subject: str, labels: int) -> None:
        if subject != receipt.subject and subject not in self._senders:
            raise InvalidFeedbackToken("from a prediction of another user")
        if receipt.classes != self._classes:
            raise InvalidFeedbackToken(
                f"from version {receipt.model_version}, whose labels differ from those of the served model"
            )
        if labels != len(receipt.probabilities):
            raise InvalidFeedbackToken(f"for {len(receipt.probabilities)} row(s), but there are {labels} labels")


def _score_by_version(labelled: Iterable[_Labelled], new: Collection[tuple[str, int]]) -> Iterable[tuple[str, Scored]]:
    """Score the new rows, grouped by version and threshold."""
    by_version: dict[tuple[str, float], tuple[list[float], list[bool]]] = defaultdict(lambda: ([], []))
    for item in labelled:
        receipt = item.receipt
        probabilities, truth = by_version[receipt.model_version, receipt.threshold]
        for row, label in enumerate(item.labels):
            if (receipt.receipt_id, row) in new:
                probabilities.append(float(receipt.probabilities[row]))
                truth.append(label == receipt.classes[1])
    for (version, threshold), (probabilities, truth) in by_version.items():
        if truth:
            yield (
                version,
                score_labels(
                    np.asarray(probabilities, dtype=np.float32), np.asarray(truth, dtype=np.bool_), threshold=threshold
                ),
            )


def score_labels(probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_], *, threshold: float) -> Scored:
    """Compare (n,) probabilities of the positive class with (n,) true labels."""
    likely = probabilities.astype(np.float64)
    of_truth = np.clip(np.where(truth, likely, 1 - likely), SMALLEST, 1 - SMALLEST)
    return Scored(
        probabilities=probabilities,
        truth=truth,
        predicted=probabilities >= threshold,
        log_loss=float(-np.log(of_truth).sum()),
        squared_error=float(np.square(likely - truth).sum()),
    )
