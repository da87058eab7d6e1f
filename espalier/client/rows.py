"""The kinds of rows that are accepted: lists of dictionaries, and tables of pandas, Polars and pyarrow.

A table's library is imported only if the caller has imported it. Without pyarrow, tables are sent as JSON.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import chain
from types import ModuleType
from typing import Any, Protocol, TypeVar

from espalier.client.errors import InvalidInput, UnexpectedAnswer
from espalier.client.predictions import LABEL, AnyPrediction
from espalier.client.results import Answered

__all__ = ["Frame", "Rows", "accept", "plain_value"]

Record = dict[str, Any]
T_co = TypeVar("T_co", covariant=True)


class Frame(Protocol):
    """A table of pandas, Polars or pyarrow."""

    @property
    def columns(self) -> Any:
        """The columns, or their names."""
        ...

    def __len__(self) -> int:
        """Return the number of rows."""
        ...


class Rows(Protocol[T_co]):
    """Rows to send, of one kind, and how to return predictions of the same kind."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def records(self, start: int, stop: int) -> list[Record]:
        """Return rows for JSON."""
        ...

    def table(self, start: int, stop: int) -> Any:
        """Return rows as a pyarrow.Table, or None if they are sent as JSON.

        Raises:
            pyarrow.ArrowException: a column has values of several types.
        """
        ...

    def answer(self, answers: Sequence[Answered]) -> T_co:
        """Return the predictions of all rows."""
        ...


def accept(rows: Any) -> Rows[Any]:
    """Return rows of a supported kind.

    Raises:
        InvalidInput: they are of another kind, or there are none.
    """
    accepted = _as_frame(rows)
    if accepted is None:
        if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
            raise InvalidInput(
                "rows must be a list of dictionaries, or a DataFrame of pandas or Polars, or a pyarrow.Table; "
                f"got {type(rows).__module__}.{type(rows).__qualname__}"
            )
        accepted = _Records(rows)
    if not len(accepted):
        raise InvalidInput("there are no rows to predict")
    return accepted


def plain_value(value: Any) -> Any:
    """Return a value for JSON: None for a missing value (None, NaN, pandas.NA, NaT), Python's numbers for numpy's."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    pandas = sys.modules.get("pandas")
    if pandas is not None and (value is pandas.NA or value is pandas.NaT):
        return None
    return plain_value(value.item()) if hasattr(value, "item") else value


def _as_frame(rows: Any) -> Rows[Any] | None:
    pandas, polars, pyarrow = (sys.modules.get(name) for name in ("pandas", "polars", "pyarrow"))
    if pandas is not None and isinstance(rows, pandas.DataFrame):
        return _Pandas(rows, pandas)
    if polars is not None and isinstance(rows, polars.DataFrame):
        return _Polars(rows, polars)
    if pyarrow is not None and isinstance(rows, pyarrow.Table | pyarrow.RecordBatch):
        return _Pyarrow(rows, pyarrow)
    return None


def _plain(records: Sequence[Mapping[Any, Any]]) -> list[Record]:
    return [{name: plain_value(value) for name, value in record.items()} for record in records]


def _columns(answers: Sequence[Answered]) -> dict[str, list[Any]]:
    """Return the columns of a table of predictions.

    Raises:
        UnexpectedAnswer: a model with other outputs was rolled out between two requests.
    """
    parts = [answer.as_columns() for answer in answers]
    names = list(parts[0])
    if any(list(part) != names for part in parts):
        versions = " and ".join(dict.fromkeys(answer.model.version for answer in answers))
        raise UnexpectedAnswer(f"the model versions {versions} have other columns of predictions; predict again")
    return {name: list(chain.from_iterable(part[name] for part in parts)) for name in names}


class _Records:
    """A list of dictionaries, which becomes a list of predictions."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def records(self, start: int, stop: int) -> list[Record]:
        return _plain(self._rows[start:stop])

    def table(self, start: int, stop: int) -> Any:  # noqa: ARG002 (every value may have another type)
        return None

    def answer(self, answers: Sequence[Answered]) -> list[AnyPrediction]:
        return list(chain.from_iterable(answer.predictions or () for answer in answers))


class _Pandas:
    """A DataFrame, which becomes a DataFrame with the same index."""

    def __init__(self, rows: Any, pandas: ModuleType) -> None:
        self._rows, self._pandas = rows, pandas
        if not rows.columns.is_unique:
            raise InvalidInput("two columns have the same name")

    def __len__(self) -> int:
        return len(self._rows)

    def records(self, start: int, stop: int) -> list[Record]:
        return _plain(self._rows.iloc[start:stop].to_dict("records"))

    def table(self, start: int, stop: int) -> Any:
        if find_spec("pyarrow") is None:
            return None
        import pyarrow

        return pyarrow.Table.from_pandas(self._rows.iloc[start:stop], preserve_index=False)

    def answer(self, answers: Sequence[Answered]) -> Any:
        columns = _columns(answers)
        types = {name: "float32" for name in columns if name != LABEL}
        return self._pandas.DataFrame(columns, index=self._rows.index).astype(types)


class _Polars:
    """A DataFrame of Polars, which becomes one."""

    def __init__(self, rows: Any, polars: ModuleType) -> None:
        self._rows, self._polars = rows, polars

    def __len__(self) -> int:
        return len(self._rows)

    def records(self, start: int, stop: int) -> list[Record]:
        return _plain(self._rows.slice(start, stop - start).to_dicts())

    def table(self, start: int, stop: int) -> Any:
        return None if find_spec("pyarrow") is None else self._rows.slice(start, stop - start).to_arrow()

    def answer(self, answers: Sequence[Answered]) -> Any:
        columns = _columns(answers)
        schema = {name: self._polars.String if name == LABEL else self._polars.Float32 for name in columns}
        return self._polars.DataFrame(columns, schema=schema)


class _Pyarrow:
    """A Table or a RecordBatch, which becomes a Table."""

    def __init__(self, rows: Any, pyarrow: ModuleType) -> None:
        self._rows, self._pyarrow = rows, pyarrow

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def records(self, start: int, stop: int) -> list[Record]:
        return _plain(self._rows.slice(start, stop - start).to_pylist())

    def table(self, start: int, stop: int) -> Any:
        part = self._rows.slice(start, stop - start)
        return part if isinstance(part, self._pyarrow.Table) else self._pyarrow.Table.from_batches([part])

    def answer(self, answers: Sequence[Answered]) -> Any:
        pa, columns = self._pyarrow, _columns(answers)
        types = {name: pa.string() if name == LABEL else pa.float32() for name in columns}
        return pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})
