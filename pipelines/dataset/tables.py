"""Read CSV and Parquet without the silent changes that pandas makes.

pandas uses the first column as the index when every row ends with a comma, fills short rows with empty cells, and
turns the category 1 into "1.0" when a Parquet column of whole numbers has missing values.
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

__all__ = ["as_text", "read_csv_table", "read_parquet_table"]

SHOWN = 3


def read_csv_table(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    """Read a CSV table with a header; columns ``texts`` are read as text.

    Raises:
        InvalidData: a row has more or fewer cells than the header, or the header has a duplicate name.
    """
    _check_cells(path)
    # Only an empty cell is missing: "NA" may be a category.
    return pd.read_csv(path, dtype=dict.fromkeys(texts, "str"), keep_default_na=False, na_values=[""])


def read_parquet_table(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    """Read a Parquet table; columns ``texts`` are read as text.

    Raises:
        InvalidData: a column of ``texts`` has a type that cannot be converted to text.
    """
    table = pq.read_table(path)
    for name in texts:
        if name in table.column_names:
            place = table.column_names.index(name)
            table = table.set_column(place, name, as_text(table.column(name), name))
    # The pandas metadata of the file is ignored: it can turn a column into the index, and names the old types.
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def _check_cells(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        repeated = sorted({name for name in header if name and header.count(name) > 1})
        if repeated:
            raise InvalidData(f"{path}: duplicate column(s) in the header: {', '.join(repeated)}")
        found = list(_uneven(rows, len(header)))
    if not found:
        return
    shown = ", ".join(f"row {number} has {cells}" for number, cells, _ in found[:SHOWN])
    more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    ends_empty = all(is_empty and cells == len(header) + 1 for _, cells, is_empty in found)
    hint = (
        "; the rows end with a comma" if ends_empty else "; is the file truncated, or a text with a comma not quoted?"
    )
    raise InvalidData(f"{path}: the header has {len(header)} cells, but {shown}{more}{hint}")


def _uneven(rows: Iterator[list[str]], width: int) -> Iterator[tuple[int, int, bool]]:
    """Yield the number, the width, and whether the last cell is empty, of rows with another width than the header."""
    number = 0
    for row in rows:
        number += bool(row)  # pandas also skips empty lines
        if len(row) != width and row:
            yield number, len(row), row[-1] == ""


def as_text(column: Any, name: str) -> Any:
    """Return a pyarrow column as texts, whole numbers without decimals.

    Raises:
        InvalidData: it cannot be converted.
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    column = column.cast(kind)
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "True", "False")
    if pa.types.is_floating(kind):
        column = _whole(column, name)
    try:
        return column.cast(pa.string())
    except pa.ArrowException as error:
        raise InvalidData(f"column {name} has type {kind}, which cannot be converted to text") from error


def _whole(column: Any, name: str) -> Any:
    """Return floats as whole numbers: pandas stores whole numbers as floats if some are missing."""
    values = column.to_pandas()
    broken = values.notna() & (values % 1 != 0)
    if broken.any():
        row = int(broken.to_numpy().argmax())
        raise InvalidData(
            f"row {row + 1}, column {name}: {values.iloc[row]} has decimals, but the column is a category or an "
            "identifier; store it as text"
        )
    return pc.cast(pc.if_else(pc.is_nan(column), None, column), pa.int64())
