"""Is a request body what the contract asks for? If not: which field, and what would be right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from espalier.bundle import Contract
from services.api.errors import FieldProblem, InvalidRows, MalformedBody, TooManyRows
from services.api.row_types import Place, dict_type, row_place, row_type

__all__ = ["ROW_REASONS", "ListReader", "RowReader"]

MAX_PROBLEMS = 20

REASONS = {
    "missing": "missing_feature",
    "literal_error": "unknown_category",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
}
"""pydantic's error types by the word that the rejection counter uses; any other is a wrong type."""

ROW_REASONS = (*sorted(set(REASONS.values())), "wrong_type", "unknown_feature", "duplicate_feature")
"""Every word that the counter may use for a row."""


class ListReader:
    """Parses and checks a body that is one list, in one pass, in pydantic's own JSON parser."""

    def __init__(self, member: str, kind: Any, place: Place, *, form: str, max_rows: int) -> None:
        """Build the checks once.

        Args:
            member: the one name in the body.
            kind: the type of an item of its list.
            place: what is said of an item.
            form: the body, as an example for whoever sent another.
            max_rows: length of the list.
        """
        self._member, self._place, self._max_rows = member, place, max_rows
        self._form = f"the body is {form}"
        self._names = place.count_names()
        items: Any = Annotated[list[kind], Field(min_length=1, max_length=max_rows)]
        self._adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(dict_type("Body", {member: items}))

    def read(self, body: bytes) -> list[dict[str, Any]]:
        """Return the items.

        Raises:
            MalformedBody: not JSON, or not an object with the one member.
            TooManyRows
            InvalidRows: names up to 20 fields and what each should be.
        """
        try:
            items: list[dict[str, Any]] = self._adapter.validate_json(body)[self._member]
        except ValidationError as error:
            raise self._explain(error, body) from error
        # Every member has its colon, and all that are asked for are there: with no colon more, each is there once.
        if body.count(b":") != 1 + len(items) * self._names:
            self._check_names(body)
        return items

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a body, for OpenAPI."""
        return self._adapter.json_schema(ref_template="#/components/schemas/{model}")

    def _check_names(self, body: bytes) -> None:
        problems = self._name_problems(body)
        if problems:
            raise InvalidRows(_detail(len(problems)), problems)

    def _name_problems(self, body: bytes) -> tuple[FieldProblem, ...]:
        """Return up to 20 names that are unknown, or there twice."""
        # Objects as tuples of pairs, so that nothing is lost; numbers stay text, of which any length is cheap.
        members = json.loads(body, object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=str)
        if [name for name, _ in members] != [self._member]:
            raise MalformedBody(f"there must be exactly one member, {self._member}; {self._form}")
        found = (
            problem
            for index, item in enumerate(members[0][1])
            for problem in _wrong_names(item, self._place, f"{self._member}[{index}]")
        )
        return tuple(islice(found, MAX_PROBLEMS))

    def _explain(self, error: ValidationError, body: bytes) -> MalformedBody | TooManyRows | InvalidRows:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        first = found[0]
        if first["type"] == "too_long":
            return TooManyRows(f"{self._member}: at most {self._max_rows} rows in one request")
        if len(first["loc"]) < 2:  # noqa: PLR2004 (the member and an index)
            where = f"{first['loc'][0]}: " if first["loc"] else ""
            return MalformedBody(f"{where}{first['msg']}; {self._form}")
        names = self._name_problems(body)
        problems = tuple(self._problem(problem) for problem in found[: MAX_PROBLEMS - len(names)])
        return InvalidRows(_detail(len(found) + len(names)), names + problems)

    def _problem(self, problem: Any) -> FieldProblem:
        index, *path = problem["loc"][1:]
        field, place = f"{self._member}[{index}]", self._place
        for name in path:
            if place.names is None or name not in place.names:
                break
            field, place = f"{field}.{name}", place.names[name]
        reason = REASONS.get(problem["type"], "wrong_type")
        begin = "is missing; it must be" if problem["type"] == "missing" else "must be"
        limit = ", of 32 bits (up to 3.4e38)" if reason == "out_of_range" and place.is_unbounded else ""
        return FieldProblem(field[:200], f"{begin} {place.text}{limit}", reason)


class RowReader(ListReader):
    """Reads the rows to predict."""

    def __init__(self, contract: Contract, *, max_rows: int) -> None:
        """Build the checks from the contract."""
        form = '{"rows": [{feature: value, ...}, ...]}'
        super().__init__("rows", row_type(contract), row_place(contract), form=form, max_rows=max_rows)


def _detail(number: int) -> str:
    more = f" (the first {MAX_PROBLEMS} are listed)" if number > MAX_PROBLEMS else ""
    return f"{number} value(s) do not fit the model's contract{more}; see errors, and GET /v1/model"


def _wrong_names(value: Any, place: Place, where: str) -> Iterator[FieldProblem]:
    if place.names is None or not isinstance(value, tuple):
        return
    seen: set[str] = set()
    for name, inner in value:
        field = f"{where}.{name}"
        if name in seen:
            yield FieldProblem(field[:200], "is there twice", "duplicate_feature")
        elif name not in place.names:
            yield FieldProblem(field[:200], place.unknown, "unknown_feature")
        else:
            yield from _wrong_names(inner, place.names[name], field)
        seen.add(name)
