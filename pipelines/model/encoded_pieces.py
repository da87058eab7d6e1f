"""Encoded rows, piece by piece, as often as XGBoost asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bundle import Contract
from pipelines.dataset.rows import Rows
from pipelines.model.matrix import Matrix, encode, labels
from pipelines.progress import shown
from pipelines.targets.of_type import task_of
from pipelines.targets.task import Truth

__all__ = ["EncodedPieces"]


class EncodedPieces:
    """Pieces of rows as XGBoost takes them. Iterating again gives the same again.

    Only one piece is in memory. Reading and encoding take longer than what XGBoost does with a piece, so if there are
    several and a folder is given, they are kept in files: four bytes for each cell.
    """

    def __init__(self, rows: Rows, contract: Contract, folder: Path | None, *, title: str) -> None:
        """Read nothing yet.

        Args:
            folder: for the files; whoever made it removes it. None: pieces are encoded again each time.
            title: of the progress bar.
        """
        self._rows, self._contract, self._folder, self._title = rows, contract, folder, title
        self._task = task_of(contract.target)
        self._only: tuple[Matrix, Truth] | None = None
        self._kept: list[tuple[Path, Truth]] = []

    def __iter__(self) -> Iterator[tuple[Matrix, Truth]]:
        """Yield (n, features) float32 and (n,) true values of each piece."""
        if self._only is not None:
            yield self._only
        elif sum(len(truth) for _, truth in self._kept) == len(self._rows):
            for file, truth in self._kept:
                yield np.load(file), truth
        else:
            yield from self._encoded()

    def _encoded(self) -> Iterator[tuple[Matrix, Truth]]:
        self._kept.clear()  # of a loop that did not come to its end
        columns = [*(feature.name for feature in self._contract.features), self._contract.target.name]
        for number, piece in enumerate(shown(self._rows.pieces(columns), self._title, len(self._rows))):
            found = encode(piece, self._contract), labels(piece, self._task)
            if len(piece) == len(self._rows):
                self._only = found
            elif self._folder is not None:
                file = self._folder / f"{number}.npy"
                np.save(file, found[0])
                self._kept.append((file, found[1]))
            yield found
