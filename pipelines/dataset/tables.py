"""CSV and Parquet as they come from elsewhere, without what pandas would make of them in silence.

pandas takes the first column for an index when every row ends with a comma, fills rows that are too short with empty
cells, and makes "1.0" of the category 1 where a Parquet column of whole numbers has gaps.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.errors import InvalidData

__all__ = ["read_csv_table", "read_parquet_table"]

SHOWN = 3


def read_csv_table(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    """Read a CSV table with a header, the columns ``texts`` as text.

    Raises:
        InvalidData: a row has more or fewer cells than the header, or a name is in the header twice.
    """
    _check_cells(path)
    # Only the empty cell is missing: "NA" may well be a category.
    return pd.read_csv(path, dtype=dict.fromkeys(texts, "str"), keep_default_na=False, na_values=[""])


def read_parquet_table(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    """Read a Parquet table, the columns ``texts`` as text.

    Raises:
        InvalidData: a column of ``texts`` is of a type that has no obvious text.
    """
    table = pq.read_table(path)
    for name in texts:
        if name in table.column_names:
            place = table.column_names.index(name)
            table = table.set_column(place, name, _as_text(table.column(name), name))
    # pandas' notes in the file are ignored: they make an index of a column, and speak of other types than text.
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def _check_cells(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        repeated = sorted({name for name in header if name and header.count(name) > 1})
        if repeated:
            raise InvalidData(f"{path}: the header has {', '.join(repeated)} more than once")
        found = list(_uneven(rows, len(header)))
    if not found:
        return
    shown = ", ".join(f"row {number} has {cells}" for number, cells, _ in found[:SHOWN])
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    ends_empty = all(is_empty and cells == len(header) + 1 for _, cells, is_empty in found)
    hint = (
        "; there is a comma at the end" if ends_empty else "; is the file cut off, or a text with a comma not quoted?"
    )
    raise InvalidData(f"{path}: the header has {len(header)} cells, but {shown}{more}{hint}")


def _uneven(rows: Iterator[list[str]], width: int) -> Iterator[tuple[int, int, bool]]:
    """Yield number, cells, and whether the last cell is empty, of the rows that are not as wide as the header."""
    number = 0
    for row in rows:
        number += bool(row)  # pandas skips empty lines too
        if len(row) != width and row:
            yield number, len(row), row[-1] == ""


def _as_text(column: Any, name: str) -> Any:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    column = column.cast(kind)
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "True", "False")
    if pa.types.is_floating(kind):
        column = _whole(column, name)
    try:
        return column.cast(pa.string())
    except pa.ArrowException as error:
        raise InvalidData(f"column {name} is of type {kind}, which cannot be read as text") from error


def _whole(column: Any, name: str) -> Any:
    """Return numbers without decimals, which pandas stores as floats where there are gaps, as whole numbers."""
    values = column.to_pandas()
    broken = values.notna() & (values % 1 != 0)
    if broken.any():
        row = int(broken.to_numpy().argmax())
        raise InvalidData(
            f"row {row + 1}, column {name}: {values.iloc[row]} is a number with decimals, and the column is a category "
            "or an identifier; write it as text"
        )
    return pc.cast(pc.if_else(pc.is_nan(column), None, column), pa.int64())
