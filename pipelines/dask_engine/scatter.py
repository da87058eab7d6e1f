"""Which worker gets which rows? Hand encoded pieces to the workers, so that each has about the same number of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.dask_engine.pieces import Piece, Rows
from pipelines.dask_engine.workers import Worker

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Placed", "deal", "place"]

MANY_PIECES = 8
"""Pieces for each worker from which on whole pieces are handed out: they are then even enough."""


@dataclass
class Placed:
    """Rows on the workers."""

    columns: int
    parts: dict[str, list[Future]] = field(default_factory=dict)
    """Address of a worker → its parts, each a dictionary as XGBoost's workers take them."""

    def futures(self) -> list[Future]:
        """Return all parts."""
        return [part for parts in self.parts.values() for part in parts]


def place(client: Client, rows: Rows, workers: Sequence[Worker], columns: int) -> Placed:
    """Send the rows to the workers; at any time, one piece is in the memory of this process.

    They go to the workers directly and not through the scheduler, which would need memory and network for all of them.

    Raises:
        OSError: a worker is gone.
    """
    placed = Placed(columns)
    for number, part in deal(rows.pieces(), rows.count, len(workers)):
        address = workers[number].address
        sent = client.scatter([_as_taken(part)], workers=[address], direct=True, hash=False)
        placed.parts.setdefault(address, []).extend(sent)
        del part  # before the next piece is read
    return placed


def deal(pieces: Iterator[Piece], count: int, workers: int) -> Iterator[tuple[int, Piece]]:
    """Yield parts of pieces with the number of the worker that gets each: the one with the fewest rows so far.

    With few pieces, each is dealt out to all workers row by row, as cards are: then also a single piece employs all of
    them, and every worker has rows of all times. XGBoost takes the quantiles of an interval as the mean of what each
    worker finds, so their rows should be alike. The same pieces and number of workers always give the same parts.

    Args:
        count: number of rows of all pieces.
    """
    held = np.zeros(workers, dtype=np.int64)
    for piece in pieces:
        for part in _split(piece, _shares(len(piece.labels), count, workers)):
            number = int(held.argmin())
            held[number] += len(part.labels)
            yield number, part
            del part
        del piece  # before the next one is read


def _shares(length: int, count: int, workers: int) -> int:
    number_of_pieces = max(1, count // max(1, length))
    return max(1, min(workers, -(-MANY_PIECES * workers // number_of_pieces)))


def _split(piece: Piece, shares: int) -> Iterator[Piece]:
    for first in range(min(shares, len(piece.labels))):
        every = slice(first, None, shares)
        yield Piece(
            np.ascontiguousarray(piece.matrix[every]),
            np.ascontiguousarray(piece.labels[every]),
            None if piece.weights is None else np.ascontiguousarray(piece.weights[every]),
        )


def _as_taken(piece: Piece) -> dict[str, Any]:
    taken = {"data": piece.matrix, "label": piece.labels}
    return taken if piece.weights is None else {**taken, "weight": piece.weights}
