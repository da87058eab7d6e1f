"""Read columns in JSON, ``{"columns": {feature: [value, ...]}}``, into the matrix of the model.

One column at a time becomes Python objects, and only after its size has been checked. If a column has a value of a
wrong type, each of its values is checked as in a row, so the problems are the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from bundle import Contract, Feature
from evaluation.columns import Coder, Missing, Numbers
from evaluation.row_schema import columns_type, dict_type, value_checker
from services.api.errors import FieldProblem, MalformedBody, TooManyRows
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.json_size import find_end
from services.api.prediction.validation import MAX_PROBLEMS, reason_of, refuse_fields

__all__ = ["BEGIN_BYTES", "JsonColumnsReader", "is_columnar"]

FORM = 'the body must be {"columns": {feature: [value, ...], ...}}'
BEGIN_BYTES = 64
BEGIN = re.compile(rb'\s*\{\s*"columns"\s*:')

TEXT = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")(\s*+:)?', re.DOTALL)
"""A text, and the colon behind it if it is a name."""

OUTER_TOKENS = 8
"""Of a column around its values, with a margin."""


def is_columnar(begin: bytes | bytearray) -> bool:
    """Tell from the beginning of a body in JSON, of which 64 bytes are enough, whether it has columns."""
    return BEGIN.match(begin[:BEGIN_BYTES]) is not None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    columns: dict[str, msgspec.Raw]


class JsonColumnsReader:
    """Reads the bodies of one contract."""

    def __init__(self, contract: Contract, columns: Columns, *, max_rows: int) -> None:
        """Prepare the decoder of each column."""
        self._columns, self._max_rows = columns, max_rows
        self._body = msgspec.json.Decoder(_Body)
        self._decoders = [msgspec.json.Decoder(_list_type(feature)) for feature in contract.features]
        self._checkers = [value_checker(feature) for feature in contract.features]
        self._type: TypeAdapter[Any] = TypeAdapter(
            dict_type("Body", {"columns": columns_type(contract, max_rows=max_rows)})
        )

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a body, for OpenAPI."""
        return self._type.json_schema(ref_template="#/components/schemas/{model}")

    def read_matrix(self, body: bytes | bytearray) -> npt.NDArray[np.float32]:
        """Return the (n, features) encoded rows of a body.

        Raises:
            MalformedBody: not JSON, not an object with columns only, or columns of different lengths.
            TooManyRows
            InvalidRows: lists up to 20 columns or values, and what each must be.
        """
        named = body.count(b":") - 1
        if not self._columns.fewest <= named <= self._columns.most:  # too few or many columns, or a colon in a text
            self._check_names(body)
        try:
            found = self._body.decode(body).columns
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise MalformedBody(f"Invalid JSON: {error}; {FORM}") from error
        self._columns.check_names(list(found))
        if len(found) < named <= self._columns.most:  # a duplicate, or a colon in a text
            self._check_names(body)
        columns: list[npt.NDArray[np.float64] | None] = []
        problems: list[FieldProblem] = []
        for index, name in enumerate(self._columns.names):
            if name not in found:  # it may be left out
                columns.append(None)
                continue
            values, wrong = self._read_column(index, bytes(found[name]))
            columns.append(values)
            problems += wrong
        if problems:
            raise refuse_fields(tuple(problems[:MAX_PROBLEMS]))
        rows = self._count(columns)
        return self._columns.encode([Missing() if each is None else Numbers(each) for each in columns], rows)

    def _check_names(self, body: bytes | bytearray) -> None:
        """Check the names, of which there may be many, or duplicates; then the body may be parsed."""
        names = list(islice(_names(body), self._columns.most + MAX_PROBLEMS))
        if not names:
            raise MalformedBody(f"columns: must be an object with a list for each feature; {FORM}")
        self._columns.check_names(names)

    def _read_column(self, index: int, text: bytes) -> tuple[npt.NDArray[np.float64], list[FieldProblem]]:
        """Return the numbers or codes of a column, or the problems of its values."""
        name = self._columns.names[index]
        if find_end(text, 2 * self._max_rows + OUTER_TOKENS) is not None:
            raise self._too_many()
        problems: list[FieldProblem] = []
        try:
            values = self._decoders[index].decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            values, problems = self._check_values(index, _parse(text, name))
        if len(values) > self._max_rows:
            raise self._too_many()
        return np.empty(0) if problems else _encode(values, self._columns.coders[index]), problems

    def _check_values(self, index: int, values: Any) -> tuple[list[Any], list[FieldProblem]]:
        """Return a column, and the problems of up to 20 of its values."""
        name = self._columns.names[index]
        if not isinstance(values, list):
            text = "must be a list with a value for each row"
            return [], [FieldProblem(f"columns.{name}", text, "wrong_type")]
        problems: list[FieldProblem] = []
        for row, value in enumerate(values):
            try:
                self._checkers[index].validate_python(value)
            except ValidationError as error:
                reason = reason_of(error.errors(include_url=False, include_context=False)[0])
                problems.append(self._columns.problem(name, row, reason))
                if len(problems) == MAX_PROBLEMS:
                    break
        return values, problems

    def _count(self, columns: Sequence[npt.NDArray[np.float64] | None]) -> int:
        """Return the number of rows, which is the same in every column."""
        named = zip(self._columns.names, columns, strict=True)
        lengths = {name: len(column) for name, column in named if column is not None}
        first, rows = next(iter(lengths.items()))
        for name, length in lengths.items():
            if length != rows:
                raise MalformedBody(
                    f"columns: all must have the same length, but {first} has {rows} values and {name} has {length}"
                )
        if not rows:
            raise MalformedBody("columns: must have at least one value each")
        return rows

    def _too_many(self) -> TooManyRows:
        return TooManyRows(f"columns: send at most {self._max_rows:,} rows in one request")


def _list_type(feature: Feature) -> Any:
    if feature.categories is not None:
        return list[str | None]
    return list[bool | None] if feature.type == "bool" else list[float | None]


def _encode(values: list[Any], coder: Coder | None) -> npt.NDArray[np.float64]:
    if coder is None:
        return np.array(values, dtype=np.float64)  # None becomes NaN
    return coder([None if text is None else text.encode(errors="surrogatepass") for text in values])


def _parse(text: bytes, name: str) -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBody(f"columns.{name}: Invalid JSON: {error}; {FORM}") from error


def _names(body: bytes | bytearray) -> Iterator[str]:
    """Return the names in a body, without the first one, which is that of the columns."""
    named = (match[1] for match in TEXT.finditer(body) if match[2] is not None)
    for name in islice(named, 1, None):
        try:
            yield str(json.loads(name))
        except ValueError as error:
            raise MalformedBody(f"Invalid JSON: {error}; {FORM}") from error
