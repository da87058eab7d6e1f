"""Equal parts of the time that a table covers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Periods", "periods_of"]

MOST = 30


@dataclass
class Periods:
    """The parts, and how many rows each has."""

    starts: list[pd.Timestamp]
    width: pd.Timedelta
    rows: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.starts)

    def add(self, times: pd.Series[Any]) -> npt.NDArray[np.intp]:
        """Count the rows of a batch, and return (n,) the part of each; -1 without a time."""
        offset = ((times - self.starts[0]) / self.width).to_numpy(dtype=np.float64, na_value=np.nan)
        known = ~np.isnan(offset)
        places = np.full(len(times), -1, dtype=np.intp)
        places[known] = np.minimum(offset[known].astype(np.intp), self.count - 1)
        found = np.bincount(places[known], minlength=self.count)
        self.rows = [old + int(new) for old, new in zip(self.rows or [0] * self.count, found, strict=True)]
        return places


def periods_of(first: pd.Timestamp | None, last: pd.Timestamp | None) -> Periods | None:
    """Divide a time into at most 30 parts, of at least a day if it is longer than a week."""
    if first is None or last is None or first == last:
        return None
    least = pd.Timedelta(days=1) if last - first > pd.Timedelta(days=7) else pd.Timedelta(minutes=1)
    width = max((last - first) / MOST, least)
    if width > least:  # whole days or minutes, so that the starts can be read
        width = -(-width // least) * least
    start = first.floor("D") if least == pd.Timedelta(days=1) else first.floor("min")
    count = int((last - start) // width) + 1
    return Periods([start + place * width for place in range(count)], width)
