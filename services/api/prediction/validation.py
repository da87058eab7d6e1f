"""Validate a request body against the contract; errors name the field and what it must be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import FailFast, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from bundle import Contract
from evaluation.encoding import encode
from evaluation.row_schema import FieldSpec, dict_type, requirement, row_spec, row_type
from services.api.errors import FieldProblem, InvalidRows, MalformedBody, TooManyRows
from services.api.prediction.json_size import find_end
from services.api.prediction.row_decoder import RowDecoder

__all__ = ["MAX_FIELD", "MAX_PROBLEMS", "ROW_REASONS", "ListReader", "RowReader", "reason_of", "refuse_fields"]

MAX_PROBLEMS = 20

MAX_FIELD = 200
"""Maximum characters shown of an unknown name, which may have any length."""

MAX_TOKENS_OF_A_NAME = 3
"""The name, its value if that is a text, and a comma."""

OUTER_TOKENS = 8
"""Of the body around its list, with a margin."""

REASONS = {
    "missing": "missing_feature",
    "literal_error": "unknown_category",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
}
"""pydantic's error type → label of the rejection counter; any other is a wrong type."""

ROW_REASONS = (*sorted(set(REASONS.values())), "wrong_type", "unknown_feature", "duplicate_feature")
"""Every label of the counter for a row."""


class ListReader:
    """Parses and checks a body that contains one list.

    The cost of a body is limited before it is parsed: if it has more names, texts and values than the largest valid
    one, it is refused from its beginning alone. Any other is parsed once, and checked until twenty problems are found.
    """

    def __init__(
        self, member: str, kind: Any, place: FieldSpec, *, form: str, max_rows: int, more_tokens: int = 0
    ) -> None:
        """Create the checks once.

        Args:
            member: the only name in the body.
            kind: the type of an item of its list.
            place: the description of an item.
            form: an example of the body, for error messages.
            max_rows: maximum length of the list.
            more_tokens: texts, commas and brackets of lists within items, in the largest valid body.
        """
        self._member, self._place, self._max_rows = member, place, max_rows
        self._form = f"the body must be {form}"
        self._names = place.count_names()
        tokens = MAX_TOKENS_OF_A_NAME * self._names + place.count_objects() + 1
        self._max_tokens = max_rows * tokens + more_tokens + OUTER_TOKENS
        items: Any = Annotated[list[kind], Field(min_length=1, max_length=max_rows)]
        self._item: TypeAdapter[dict[str, Any]] = TypeAdapter(kind)
        self._items: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(Annotated[list[kind], FailFast()])
        self._body: TypeAdapter[dict[str, Any]] = TypeAdapter(dict_type("Body", {member: items}))

    def read(self, body: bytes) -> list[dict[str, Any]]:
        """Return the items.

        Raises:
            MalformedBody: not JSON, or not an object with exactly this member.
            TooManyRows
            InvalidRows: lists up to 20 fields and what each must be.
        """
        end = find_end(body, self._max_tokens)
        if end is not None:
            raise self._refuse_beginning(body[:end])
        items = self._open(_parse(body, self._form))
        try:
            checked = self._items.validate_python(items)
        except ValidationError as error:
            raise refuse_fields(self._wrong_values(items, self._wrong_names(items))) from error
        members = _count_members(items, self._place)
        if members != len(items) * self._names or not self._place.has_fixed_names:
            problems = self._wrong_names(items)  # all required names exist, so any others are unknown
            if problems:
                raise refuse_fields(problems)
        if body.count(b":") != 1 + members:  # one colon per member: there is a duplicate, or a colon in a text
            self._check_repeated(body)
        return checked

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a body, for OpenAPI."""
        return self._body.json_schema(ref_template="#/components/schemas/{model}")

    def _refuse_beginning(self, beginning: bytes) -> MalformedBody | TooManyRows | InvalidRows:
        """Return the error for a body that is too large to parse, from the part that may be parsed."""
        try:
            items = self._open(_parse(beginning, self._form, is_whole=False))
        except (MalformedBody, TooManyRows) as error:
            return error
        problems = self._wrong_names(items)
        if not problems:
            problems = self._wrong_values(items[:-1], problems)  # the last one may be incomplete
        if problems:
            return refuse_fields(problems)
        return MalformedBody(f"{self._member}: more names and values than {self._max_rows} rows can have; {self._form}")

    def _open(self, body: Any) -> list[Any]:
        if not isinstance(body, dict) or list(body) != [self._member]:
            raise MalformedBody(f"the body must have exactly one member, {self._member}; {self._form}")
        items = body[self._member]
        if not isinstance(items, list) or not items:
            raise MalformedBody(f"{self._member}: must be a list with at least one item; {self._form}")
        if len(items) > self._max_rows:
            raise TooManyRows(f"{self._member}: send at most {self._max_rows} rows in one request")
        return items

    def _wrong_names(self, items: list[Any]) -> tuple[FieldProblem, ...]:
        """Return problems for up to 20 unknown names."""
        found = (
            problem
            for index, item in enumerate(items)
            for problem in _unknown_names(item, self._place, f"{self._member}[{index}]")
        )
        return tuple(islice(found, MAX_PROBLEMS))

    def _wrong_values(self, items: list[Any], problems: tuple[FieldProblem, ...]) -> tuple[FieldProblem, ...]:
        """Return ``problems`` and those of wrong or missing values, up to 20 in total."""
        for index, item in enumerate(items):
            if len(problems) >= MAX_PROBLEMS:
                break
            try:
                self._item.validate_python(item)
            except ValidationError as error:
                found = error.errors(include_url=False, include_context=False)
                problems += tuple(self._problem(index, problem) for problem in found[: MAX_PROBLEMS - len(problems)])
        return problems

    def _check_repeated(self, body: bytes) -> None:
        """Refuse duplicate names; list up to 20."""
        members = json.loads(body, object_pairs_hook=tuple)  # as pairs, so that nothing is lost
        if len(members) > 1:
            raise MalformedBody(f"the body must have exactly one member, {self._member}; {self._form}")
        found = (
            FieldProblem(field, "is a duplicate", "duplicate_feature")
            for index, item in enumerate(members[0][1])
            for field in _repeated(item, f"{self._member}[{index}]")
        )
        problems = tuple(islice(found, MAX_PROBLEMS))
        if problems:
            raise refuse_fields(problems)

    def _problem(self, index: int, problem: Any) -> FieldProblem:
        field, place = f"{self._member}[{index}]", self._place
        for name in problem["loc"]:
            if place.names is None or name not in place.names:
                break
            field, place = f"{field}.{name}", place.names[name]
        reason = reason_of(problem)
        start = "is missing; it must be" if problem["type"] == "missing" else "must be"
        return FieldProblem(field, f"{start} {requirement(place, reason)}", reason)


class RowReader(ListReader):
    """Reads rows to predict."""

    def __init__(self, contract: Contract, *, max_rows: int) -> None:
        """Create the checks from the contract."""
        form = '{"rows": [{feature: value, ...}, ...]}'
        super().__init__("rows", row_type(contract), row_spec(contract), form=form, max_rows=max_rows)
        self._contract, self._decoder = contract, RowDecoder(contract, max_rows=max_rows)

    def read_matrix(self, body: bytes) -> npt.NDArray[np.float32]:
        """Return the (n, features) encoded rows of a body; same errors as ``read``."""
        matrix = self._decoder.decode(body)
        return encode(self.read(body), self._contract) if matrix is None else matrix

    def decode(self, body: bytes) -> npt.NDArray[np.float32] | None:
        """Return the same quickly, or None if the body may be invalid."""
        return self._decoder.decode(body)


def reason_of(problem: Any) -> str:
    """Return the label of the rejection counter for one of pydantic's errors."""
    if problem["type"] == "float_type" and type(problem["input"]) is int:
        return "out_of_range"  # too large for a float
    return REASONS.get(problem["type"], "wrong_type")


def _parse(body: bytes, form: str, *, is_whole: bool = True) -> Any:
    try:
        return from_json(body, allow_inf_nan=False, cache_strings="keys", allow_partial=not is_whole)
    except ValueError as error:
        raise MalformedBody(f"Invalid JSON: {error}; {form}") from error


def refuse_fields(problems: tuple[FieldProblem, ...]) -> InvalidRows:
    """Return the error for up to 20 values."""
    number = f"{MAX_PROBLEMS} or more" if len(problems) == MAX_PROBLEMS else len(problems)
    return InvalidRows(
        f"{number} value(s) do not match the contract of the model; see errors, and GET /v1/model", problems
    )


def _count_members(items: list[Any], place: FieldSpec) -> int:
    names = place.names or {}
    deeper = (_count_members([item[name] for item in items], names[name]) for name in place.objects)
    return sum(map(len, items)) + sum(deeper)


def _unknown_names(value: Any, place: FieldSpec, where: str) -> Iterator[FieldProblem]:
    if place.names is None or not isinstance(value, dict):
        return
    for name in value:
        if name not in place.names:
            yield FieldProblem(f"{where}.{name}"[:MAX_FIELD], place.unknown, "unknown_feature")
    for name in place.objects:
        yield from _unknown_names(value.get(name), place.names[name], f"{where}.{name}")


def _repeated(value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, tuple):
        return
    seen: set[str] = set()
    for name, inner in value:
        field = f"{where}.{name}"
        if name in seen:
            yield field
        seen.add(name)
        yield from _repeated(inner, field)
