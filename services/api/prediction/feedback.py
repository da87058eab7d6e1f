"""Feedback: the ground truth (true labels) of predicted rows, to measure the quality of live predictions.

Gives:  sums from which recording rules compute the quality of each version, such as its log loss and calibration.
Never:  stores a label, counts a row twice, or accepts a row that this API has not predicted.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from services.api.errors import FieldProblem, InvalidRows, TooManyRows
from services.api.prediction.feedback_store import FeedbackStore
from services.api.prediction.feedback_tokens import FeedbackTokens, InvalidFeedbackToken, Receipt
from services.api.prediction.row_schema import FieldSpec, dict_type
from services.api.prediction.targets.target import ServedTarget, Truth
from services.api.prediction.validation import MAX_PROBLEMS, ListReader

__all__ = ["Counts", "Feedback", "FeedbackReader", "Taken"]

Counts = npt.NDArray[np.float64]
"""What rows add to each counter of ``ServedTarget.feedback_series``."""

MAX_TOKEN_CHARACTERS = 600_000
"""More than the longest token has: 100,000 values of four bytes in base64."""

MAX_TOKENS_OF_A_LABEL = 3
"""The label, a comma, and the bracket of its list."""

log = logging.getLogger("espalier.api.feedback")


class FeedbackReader(ListReader):
    """Reads feedback tokens with the labels of their rows."""

    def __init__(self, target: ServedTarget, *, max_rows: int) -> None:
        """Create the checks from the target."""
        token = Annotated[str, Field(max_length=MAX_TOKEN_CHARACTERS, description="From the response of /v1/predict.")]
        what = "label" if target.classes else "value"
        by_row = f"The true {what} of each row, in the order of the rows; null if it is not known."
        truth: Any = target.truth_type
        labels = Annotated[list[truth | None], Field(max_length=max_rows, description=by_row)]
        kind = dict_type("Feedback", {"feedback_token": token, "labels": labels})
        place = FieldSpec(
            names={
                "feedback_token": FieldSpec("the feedback_token from the response of /v1/predict"),
                "labels": FieldSpec(f"a list with {target.truth_text} or null for each row"),
            },
            unknown="is not a known name; feedback has feedback_token and labels",
        )
        form = f'{{"feedback": [{{"feedback_token": text, "labels": [{what} or null, ...]}}, ...]}}'
        more = MAX_TOKENS_OF_A_LABEL * max_rows
        super().__init__("feedback", kind, place, form=form, max_rows=max_rows, more_tokens=more)


@dataclass(frozen=True)
class Taken:
    """How many labels of a request were counted."""

    counted: int
    already_counted: int


@dataclass(frozen=True)
class _Labelled:
    receipt: Receipt
    labels: Sequence[Truth | None]


class Feedback:
    """Checks feedback, accepts each row once, and counts it for the version that predicted it."""

    def __init__(
        self,
        tokens: FeedbackTokens,
        store: FeedbackStore,
        count: Callable[[str, Counts], None],
        *,
        target: ServedTarget,
        max_rows: int,
        senders: Collection[str],
    ) -> None:
        """Store the dependencies.

        Args:
            count: called with a version and what its rows add to the counters.
            target: that of the served model, which scores feedback on every version with the same one.
            max_rows: maximum rows in one request, with or without a label.
            senders: users who may send feedback on every user's predictions.
        """
        self._tokens, self._store, self._count = tokens, store, count
        self._target, self._max_rows, self._senders = target, max_rows, frozenset(senders)

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
        for version, counts in _score_by_version(labelled, new, self._target):
            self._count(version, counts)
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
        if receipt.target != self._tokens.target:
            raise InvalidFeedbackToken(
                f"from version {receipt.model_version}, whose {self._target.identity} differ from those of the served "
                "model"
            )
        if labels != len(receipt.outputs):
            raise InvalidFeedbackToken(f"for {len(receipt.outputs)} row(s), but there are {labels} labels")


def _score_by_version(
    labelled: Iterable[_Labelled], new: Collection[tuple[str, int]], target: ServedTarget
) -> Iterable[tuple[str, Counts]]:
    """Score the new rows, grouped by version and threshold."""
    by_version: dict[tuple[str, float], tuple[list[npt.NDArray[np.float32]], list[Truth]]] = defaultdict(
        lambda: ([], [])
    )
    for item in labelled:
        receipt = item.receipt
        counted = {row: label for row, label in enumerate(item.labels) if (receipt.receipt_id, row) in new}
        outputs, truth = by_version[receipt.model_version, receipt.threshold]
        outputs.append(receipt.outputs[list(counted)])
        truth.extend(label for label in counted.values() if label is not None)
    for (version, threshold), (outputs, truth) in by_version.items():
        if truth:
            yield version, target.score(np.concatenate(outputs), truth, threshold)
