"""What is handed to a cluster: encoded rows, and what XGBoost is to learn from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Boosted", "Piece", "Plan", "Rows", "Stop"]


@dataclass(frozen=True)
class Piece:
    """Encoded rows in the memory of this process."""

    matrix: npt.NDArray[np.float32]
    """(n, k)"""

    labels: npt.NDArray[Any]
    """(n,)"""

    weights: npt.NDArray[np.float32] | None = None
    """(n,), or None: every row counts the same."""


@dataclass(frozen=True)
class Rows:
    """Rows that are encoded piece by piece, again for each attempt."""

    name: str
    """Of the metric's values: train, test, validation."""

    count: int
    pieces: Callable[[], Iterator[Piece]]


@dataclass(frozen=True)
class Stop:
    """End the training after so many rounds without a gain on some rows."""

    rounds: int
    metric: str
    rows: str


@dataclass(frozen=True)
class Plan:
    """What XGBoost is to do."""

    params: dict[str, Any]
    rounds: int
    feature_names: list[str]
    feature_types: list[str]
    stop: Stop | None = None

    @property
    def max_bin(self) -> int | None:
        """Bins of a feature; None: XGBoost's default. A matrix in bins has to be told, as well as the booster."""
        found = self.params.get("max_bin")
        return None if found is None else int(found)


@dataclass(frozen=True)
class Boosted:
    """A booster, in XGBoost's own format, and the metric after each round."""

    model: bytes
    history: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Name of the rows → metric → (rounds,) values."""

    best_round: int | None = None
    """With ``Plan.stop``: the round with the best value, from 0."""
