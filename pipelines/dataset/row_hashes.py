"""The hashes of rows that are read in pieces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.dataset.rows import Rows, as_rows
from pipelines.dataset.trained_rows import hash_rows

__all__ = ["hashes_of"]


def hashes_of(rows: Rows | pd.DataFrame, columns: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return (n,) 64-bit hashes of some columns of each row; only these columns are read."""
    parts = [hash_rows(piece, columns) for piece in as_rows(rows).pieces(columns)]
    return np.concatenate([np.empty(0, dtype=np.uint64), *parts])
