"""Which rows depend on each other? Rows of one block may; rows of different blocks are taken as independent.

Blocks are of a length of time, of the rows that ``prepare.group`` keeps together, or single rows.

Flights of one day share its weather: a model that is lucky with one is lucky with all. A thousand such rows say less
than a thousand independent ones, and only their blocks can be resampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.targets.project import Project

__all__ = ["MIN_BLOCKS", "Blocks", "blocks_in", "blocks_of"]

MIN_BLOCKS = 20
"""With fewer blocks, nothing can be said about the noise between them."""

MAX_GROUPS = 1000
"""Independent rows, or groups of them, are put into at most this many random blocks, which saves time and changes no
result."""

SEED = 0
"""Fixed, so that a comparison that is repeated gives the same verdict."""


@dataclass(frozen=True)
class Blocks:
    """Number of the block of each row (n,), from 0 without gaps, and the start of each block (B,), if it has one."""

    numbers: npt.NDArray[np.int64]
    starts: tuple[str, ...] = ()
    unit: str = "row"
    """Length of a block, as ``1d``; ``row``; or the column whose rows stay together."""

    @property
    def count(self) -> int:
        """The number of blocks."""
        return int(self.numbers.max()) + 1 if len(self.numbers) else 0

    def of(self, places: npt.NDArray[np.int64]) -> Blocks:
        """Return the blocks of some rows only, numbered without gaps again."""
        return Blocks(np.unique(self.numbers[places], return_inverse=True)[1])


def blocks_in(rows: pd.DataFrame, project: Project) -> Blocks:
    """Put prepared rows into the blocks that the parameters ask for."""
    group, time = project.params.prepare.group, project.schema.time
    if group is not None:
        numbers = np.unique(rows[group].astype(str).to_numpy(), return_inverse=True)[1]
        return Blocks(_independent(int(numbers.max(initial=-1)) + 1)[numbers], unit=group)
    if time is None:
        return Blocks(_independent(len(rows)))
    return blocks_of(rows[time.name], project.params.register_.gate.block)


def blocks_of(times: pd.Series[pd.Timestamp], length: timedelta | None) -> Blocks:
    """Put rows into blocks.

    Args:
        times: (n,) times of the rows, as in the table.
        length: of a block; None: the rows are independent.
    """
    if length is None:
        return Blocks(_independent(len(times)))
    floors = (times - pd.Timestamp(0)) // pd.Timedelta(length)
    found, numbers = np.unique(floors.to_numpy(dtype=np.int64), return_inverse=True)
    starts = [pd.Timestamp(0) + int(number) * pd.Timedelta(length) for number in found]
    return Blocks(numbers, tuple(start.isoformat(timespec="minutes") for start in starts), _text(length))


def _independent(count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(SEED).permutation(count) % MAX_GROUPS


def _text(length: timedelta) -> str:
    hours = int(length.total_seconds() // 3600)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"
