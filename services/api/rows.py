"""Is a request body what the contract asks for? If not: which field, and what would be right."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, TypeAdapter, ValidationError, WithJsonSchema
from typing_extensions import TypedDict

from espalier.bundle import Contract, Feature
from services.api.errors import FieldProblem, InvalidRows, MalformedBody, TooManyRows

__all__ = ["REASONS", "RowReader"]

MAX_PROBLEMS = 20
MAX_NAMED = 12

REASONS = {
    "missing": "missing_feature",
    "extra_forbidden": "unknown_feature",
    "literal_error": "unknown_category",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
}
"""pydantic's error types by the word that the rejection counter uses; any other is a wrong type."""

CONFIG = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class RowReader:
    """Parses and checks a body in one pass, in pydantic's own JSON parser."""

    def __init__(self, contract: Contract, *, max_rows: int) -> None:
        """Build the checks once, from the contract."""
        self._features = {feature.name: feature for feature in contract.features}
        self._max_rows = max_rows
        row = _closed_dict("Row", {feature.name: _type_of(feature) for feature in contract.features})
        rows: Any = Annotated[list[row], Field(min_length=1, max_length=max_rows)]  # type: ignore[valid-type]
        self._adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(_closed_dict("Body", {"rows": rows}))

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
            raise self._explain(error) from error
        return rows

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a body, for OpenAPI."""
        return self._adapter.json_schema(ref_template="#/components/schemas/{model}")

    def _explain(self, error: ValidationError) -> MalformedBody | TooManyRows | InvalidRows:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        first = found[0]
        if first["type"] == "too_long":
            return TooManyRows(f"rows: at most {self._max_rows} rows in one request")
        if len(first["loc"]) < 2:  # noqa: PLR2004 (rows and an index)
            where = f"{first['loc'][0]}: " if first["loc"] else ""
            return MalformedBody(f'{where}{first["msg"]}; the body is {{"rows": [{{feature: value, ...}}, ...]}}')
        problems = tuple(self._problem(problem) for problem in found[:MAX_PROBLEMS])
        more = f" (the first {MAX_PROBLEMS} are listed)" if len(found) > MAX_PROBLEMS else ""
        detail = f"{len(found)} value(s) do not fit the model's contract{more}; see errors, and GET /v1/model"
        return InvalidRows(detail, problems)

    def _problem(self, problem: Any) -> FieldProblem:
        index, *path = problem["loc"][1:]
        name = str(path[0]) if path else ""
        field = f"rows[{index}].{name}" if name else f"rows[{index}]"
        reason = REASONS.get(problem["type"], "wrong_type")
        return FieldProblem(field[:200], self._right(name, problem["type"]), reason)

    def _right(self, name: str, kind: str) -> str:
        feature = self._features.get(name)
        if feature is None:
            return (
                f"is no feature of this model; the features are {', '.join(self._features)}"
                if name
                else "must be an object"
            )
        begin = "is missing; it must be" if kind == "missing" else "must be"
        return f"{begin} {describe(feature)}"


def _closed_dict(name: str, members: dict[str, Any]) -> Any:
    """Return a dictionary's type that is known only now, with no other members allowed."""
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
    low = "" if feature.minimum is None else f" from {feature.minimum:g}"
    high = "" if feature.maximum is None else f" to {feature.maximum:g}"
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
    checks = Field(ge=feature.minimum, le=feature.maximum, multiple_of=1 if feature.type == "int" else None)
    if feature.type == "float":
        return Annotated[float, checks]
    # To JSON 12.0 is a whole number like 12; to pydantic's int it is not.
    schema: dict[str, Any] = {"type": "integer"}
    schema |= {} if feature.minimum is None else {"minimum": feature.minimum}
    schema |= {} if feature.maximum is None else {"maximum": feature.maximum}
    return Annotated[float, checks, WithJsonSchema(schema)]
