"""Is a request body what the contract asks for? If not: which field, and what would be right."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, TypeAdapter, ValidationError, WithJsonSchema
from typing_extensions import TypedDict

from espalier.bundle import Contract, Feature
from services.api.errors import FieldProblem, InvalidRows, MalformedBody, TooManyRows

__all__ = ["ROW_REASONS", "RowReader"]

MAX_PROBLEMS = 20
MAX_NAMED = 12

FORM = 'the body is {"rows": [{feature: value, ...}, ...]}'

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

FLOAT32_LIMIT = 3.4028234663852886e38
"""The model's numbers have 32 bits: what is larger would become infinite."""

CONFIG = ConfigDict(strict=True, allow_inf_nan=False, json_schema_extra={"additionalProperties": False})
"""Names that are unknown or doubled are found by ``name_problems``: pydantic is silent about the latter, and makes an
error of each of the former, of which one body may hold hundreds of thousands."""


class RowReader:
    """Parses and checks a body in one pass, in pydantic's own JSON parser."""

    def __init__(self, contract: Contract, *, max_rows: int) -> None:
        """Build the checks once, from the contract."""
        self._features = {feature.name: feature for feature in contract.features}
        self._max_rows = max_rows
        row = _dict_type("Row", {feature.name: _type_of(feature) for feature in contract.features})
        rows: Any = Annotated[list[row], Field(min_length=1, max_length=max_rows)]  # type: ignore[valid-type]
        self._adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(_dict_type("Body", {"rows": rows}))

    def read(self, body: bytes) -> list[dict[str, Any]]:
        """Return the rows.

        Raises:
            MalformedBody: not JSON, or not an object with the one member ``rows``.
            TooManyRows
            InvalidRows: names up to 20 fields and what each should be.
        """
        try:
            rows: list[dict[str, Any]] = self._adapter.validate_json(body)["rows"]
        except ValidationError as error:
            raise self._explain(error, body) from error
        # Every member has its colon, and all that are asked for are there: with no colon more, each is there once.
        if body.count(b":") != 1 + len(rows) * len(self._features):
            self._check_names(body)
        return rows

    def _check_names(self, body: bytes) -> None:
        problems = name_problems(body, self._features)
        if problems:
            raise InvalidRows(self._detail(len(problems)), problems)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a body, for OpenAPI."""
        return self._adapter.json_schema(ref_template="#/components/schemas/{model}")

    def _explain(self, error: ValidationError, body: bytes) -> MalformedBody | TooManyRows | InvalidRows:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        first = found[0]
        if first["type"] == "too_long":
            return TooManyRows(f"rows: at most {self._max_rows} rows in one request")
        if len(first["loc"]) < 2:  # noqa: PLR2004 (rows and an index)
            where = f"{first['loc'][0]}: " if first["loc"] else ""
            return MalformedBody(f"{where}{first['msg']}; {FORM}")
        names = name_problems(body, self._features)
        problems = tuple(self._problem(problem) for problem in found[: MAX_PROBLEMS - len(names)])
        return InvalidRows(self._detail(len(found) + len(names)), names + problems)

    def _detail(self, number: int) -> str:
        more = f" (the first {MAX_PROBLEMS} are listed)" if number > MAX_PROBLEMS else ""
        return f"{number} value(s) do not fit the model's contract{more}; see errors, and GET /v1/model"

    def _problem(self, problem: Any) -> FieldProblem:
        index, *path = problem["loc"][1:]
        name = str(path[0]) if path else ""
        field = f"rows[{index}].{name}" if name else f"rows[{index}]"
        reason = REASONS.get(problem["type"], "wrong_type")
        return FieldProblem(field[:200], self._right(name, problem["type"]), reason)

    def _right(self, name: str, kind: str) -> str:
        feature = self._features.get(name)
        if feature is None:
            return "must be an object"
        begin = "is missing; it must be" if kind == "missing" else "must be"
        is_open = REASONS.get(kind) == "out_of_range" and None in (feature.minimum, feature.maximum)
        return f"{begin} {describe(feature)}{', of 32 bits (up to 3.4e38)' if is_open else ''}"


def name_problems(body: bytes, features: Collection[str]) -> tuple[FieldProblem, ...]:
    """Return up to 20 names in the rows of a JSON body that are unknown, or there twice.

    Raises:
        MalformedBody: there is more beside ``rows``, or ``rows`` twice.
    """
    # Objects as tuples of pairs, so that nothing is lost; numbers stay text, of which any length is cheap.
    members = json.loads(body, object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=str)
    if [name for name, _ in members] != ["rows"]:
        raise MalformedBody(f"there must be exactly one member, rows; {FORM}")
    problems: list[FieldProblem] = []
    for index, row in enumerate(members[0][1]):
        seen: set[str] = set()
        for name, _ in row if isinstance(row, tuple) else ():
            if name in seen or name not in features:
                problems.append(_name_problem(f"rows[{index}].{name}", features, is_known=name in seen))
            if len(problems) == MAX_PROBLEMS:
                return tuple(problems)
            seen.add(name)
    return tuple(problems)


def _name_problem(field: str, features: Collection[str], *, is_known: bool) -> FieldProblem:
    if is_known:
        return FieldProblem(field[:200], "is there twice", "duplicate_feature")
    text = f"is no feature of this model; the features are {', '.join(features)}"
    return FieldProblem(field[:200], text, "unknown_feature")


def _dict_type(name: str, members: dict[str, Any]) -> Any:
    """Return a dictionary's type that is known only now."""
    make: Any = TypedDict
    kind = make(name, members)
    kind.__pydantic_config__ = CONFIG
    return kind


def describe(feature: Feature) -> str:
    """Say in words which values a feature takes."""
    null = " or null" if feature.nullable else ""
    if feature.categories is not None:
        names = list(feature.categories)
        if feature.unknown_category == "missing":
            return f"a text of 1 to 200 characters{null}"
        more = f", … ({len(names)} in all, see GET /v1/model)" if len(names) > MAX_NAMED else ""
        return f"one of {', '.join(names[:MAX_NAMED])}{more}{null}"
    if feature.type == "bool":
        return f"true or false{null}"
    kind = "a whole number" if feature.type == "int" else "a number"
    unit = f" {feature.unit}" if feature.unit else ""
    low = "" if feature.minimum is None else f" from {feature.minimum:.15g}"
    high = "" if feature.maximum is None else f" to {feature.maximum:.15g}"
    return f"{kind}{low}{high}{unit}{null}"


def _type_of(feature: Feature) -> Any:
    field = Field(
        description=feature.description or None, json_schema_extra={"unit": feature.unit} if feature.unit else None
    )
    kind: Any
    if feature.categories is not None:
        kind = Literal[tuple(feature.categories)]
        if feature.unknown_category == "missing":
            kind = Annotated[str, Field(min_length=1, max_length=200)]
    elif feature.type == "bool":
        kind = StrictBool
    else:
        kind = _number(feature)
    return Annotated[kind | None if feature.nullable else kind, field]


def _number(feature: Feature) -> Any:
    low = -FLOAT32_LIMIT if feature.minimum is None else feature.minimum
    high = FLOAT32_LIMIT if feature.maximum is None else feature.maximum
    checks = Field(ge=low, le=high, multiple_of=1 if feature.type == "int" else None)
    if feature.type == "float":
        return Annotated[float, checks]
    # To JSON 12.0 is a whole number like 12; to pydantic's int it is not.
    schema: dict[str, Any] = {"type": "integer"}
    schema |= {} if feature.minimum is None else {"minimum": feature.minimum}
    schema |= {} if feature.maximum is None else {"maximum": feature.maximum}
    return Annotated[float, checks, WithJsonSchema(schema)]
