"""The columns of a request: which it may have, and how wrong ones are described to the client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from bundle import Contract
from evaluation import columns
from evaluation.columns import WrongValue
from evaluation.row_schema import FieldSpec, requirement, row_spec
from services.api.errors import FieldProblem
from services.api.prediction.validation import MAX_FIELD, MAX_PROBLEMS, refuse_fields

__all__ = ["Columns"]


class Columns(columns.Columns):
    """Checks and encodes the columns of requests with one contract."""

    def __init__(self, contract: Contract, *, member: str = "columns") -> None:
        """Prepare the checks.

        Args:
            contract: what the columns must match.
            member: what the columns are called in the request, for error messages.
        """
        super().__init__(contract)
        self._member = member
        row = row_spec(contract)
        self.ignored = frozenset(column.name for column in contract.ignored)
        self.most = len(self.names) + len(self.ignored)
        """How many columns a request may have, and the fewest that it must have."""
        self.fewest = sum(not feature.optional for feature in contract.features)
        self._specs: dict[str, FieldSpec] = row.names or {}
        self._unknown = row.unknown

    def refuse(self, wrong: Iterator[WrongValue]) -> None:
        """Refuse values.

        Raises:
            InvalidRows: lists up to 20 of them.
        """
        first = islice(wrong, MAX_PROBLEMS)
        raise refuse_fields(tuple(self.problem(self.names[one.feature], one.row, one.reason) for one in first))

    def check_names(self, names: Sequence[str]) -> None:
        """Check that every feature is there once that must be, and nothing that is neither a feature nor ignored.

        Raises:
            InvalidRows: lists up to 20 columns.
        """
        if len(names) == len(self.names) and self.places.keys() == set(names):
            return
        problems = tuple(islice(self._wrong_names(names), MAX_PROBLEMS))
        if problems:
            raise refuse_fields(problems)

    def wrong_type(self, name: str, found: str) -> FieldProblem:
        """Return the problem of a column of another type."""
        needed = requirement(self._specs[name], "wrong_type")
        return FieldProblem(f"{self._member}.{name}", f"must be {needed}; its type is {found}", "wrong_type")

    def problem(self, name: str, row: int, reason: str) -> FieldProblem:
        """Return the problem of one value."""
        return FieldProblem(
            f"{self._member}.{name}[{row}]", f"must be {requirement(self._specs[name], reason)}", reason
        )

    def _wrong_names(self, names: Sequence[str]) -> Iterator[FieldProblem]:
        """Return unknown, duplicate and missing columns."""
        seen: set[str] = set()
        for name in names:
            if name not in self._specs:
                yield FieldProblem(f"{self._member}.{name}"[:MAX_FIELD], self._unknown, "unknown_feature")
            elif name in seen:
                yield FieldProblem(f"{self._member}.{name}", "is a duplicate", "duplicate_feature")
            seen.add(name)
        for name in self.names:
            if name not in seen and not self._specs[name].may_be_left_out:
                text = f"is missing; it must be {requirement(self._specs[name], 'missing_feature')}"
                yield FieldProblem(f"{self._member}.{name}", text, "missing_feature")
