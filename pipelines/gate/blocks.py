"""Which rows depend on each other? Rows of one block may; rows of different blocks are taken as independent.

Flights of one day share its weather: a model that is lucky with one is lucky with all. A thousand such rows say less
than a thousand independent ones, and only their blocks can be resampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["MIN_BLOCKS", "Blocks", "blocks_of"]

MIN_BLOCKS = 20
"""With fewer blocks, nothing can be said about the noise between them."""

MAX_GROUPS = 1000
"""Independent rows are put into at most this many random groups, which saves time and changes no result."""

SEED = 0
"""Fixed, so that a comparison that is repeated gives the same verdict."""


@dataclass(frozen=True)
class Blocks:
    """Number of the block of each row (n,), from 0 without gaps, and the start of each block (B,), if it has one."""

    numbers: npt.NDArray[np.int64]
    starts: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """The number of blocks."""
        return int(self.numbers.max()) + 1 if len(self.numbers) else 0

    def of(self, places: npt.NDArray[np.int64]) -> Blocks:
        """Return the blocks of some rows only, numbered without gaps again."""
        return Blocks(np.unique(self.numbers[places], return_inverse=True)[1])


def blocks_of(times: pd.Series[pd.Timestamp], length: timedelta | None) -> Blocks:
    """Put rows into blocks.

    Args:
        times: (n,) times of the rows, as in the table.
        length: of a block; None: the rows are independent.
    """
    if length is None:
        places = np.random.default_rng(SEED).permutation(len(times))
        return Blocks(places % MAX_GROUPS)
    floors = (times - pd.Timestamp(0)) // pd.Timedelta(length)
    found, numbers = np.unique(floors.to_numpy(dtype=np.int64), return_inverse=True)
    starts = [pd.Timestamp(0) + int(number) * pd.Timedelta(length) for number in found]
    return Blocks(numbers, tuple(start.isoformat(timespec="minutes") for start in starts))
