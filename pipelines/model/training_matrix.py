"""Make the matrix that XGBoost learns from, or measures on, of rows that need not fit into memory.

The default tree method needs no exact values: XGBoost reads the pieces a few times and keeps the quantile that each
value lies in (docs/scale.md has the bytes). With ``train.external_memory`` these are in files.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from bundle import Contract
from pipelines.config.train_params import TrainParams
from pipelines.dataset.rows import Rows
from pipelines.errors import InvalidParams
from pipelines.model.encoded_pieces import EncodedPieces
from pipelines.targets.class_weights import Weights

__all__ = ["rejecting_parameters", "to_matrix"]


def to_matrix(
    rows: Rows,
    contract: Contract,
    params: TrainParams,
    weights: Weights | None = None,
    *,
    learned: xgb.DMatrix | None = None,
    folder: Path | None = None,
) -> xgb.DMatrix:
    """Return the rows as an XGBoost matrix, with names, types and labels.

    Args:
        params: tree method and number of bins follow from them, and where the matrix is.
        weights: of the classes, by code; None: every row counts the same.
        learned: the matrix to learn from, for rows to measure on: they get its quantiles.
        folder: for the files of ``train.external_memory``, and of pieces while they are read. None: no files, and the
            matrix is in memory.

    Raises:
        InvalidParams: XGBoost rejects the number of bins.
    """
    with ExitStack() as stack:
        encoded = None
        if folder is not None:
            encoded = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="encoded-", dir=folder)))
        title = "reading rows to learn from" if learned is None else "reading rows to measure on"
        pieces = EncodedPieces(rows, contract, encoded, title=title)
        if not params.has_quantiles:
            return _whole(pieces, len(rows), contract, weights)
        options = {"nthread": params.threads or None, "max_bin": params.booster.get("max_bin"), "ref": learned}
        if folder is None or not params.external_memory:
            return _made(xgb.QuantileDMatrix, _Iterator(pieces, contract, weights), options)
        pages = Path(tempfile.mkdtemp(prefix="pages-", dir=folder))  # needed as long as the matrix
        return _made(xgb.ExtMemQuantileDMatrix, _Iterator(pieces, contract, weights, str(pages / "page")), options)


@contextmanager
def rejecting_parameters() -> Iterator[None]:
    """Turn an error of XGBoost into one that names the place in params.yaml.

    Raises:
        InvalidParams: XGBoost rejects a parameter.
    """
    try:
        yield
    except xgb.core.XGBoostError as error:
        # "[12:00:00] /source/file.cc:1: what is wrong", and below it the stack.
        reason = re.sub(r"^\[[\d:]+\] \S+: ", "", str(error).splitlines()[0])
        raise InvalidParams(f"XGBoost rejects train.booster in params.yaml: {reason}") from error


def _made(kind: Callable[..., xgb.DMatrix], iterator: _Iterator, options: dict[str, Any]) -> xgb.DMatrix:
    with rejecting_parameters(), iterator.ending():
        return kind(iterator, enable_categorical=True, **options)


def _whole(pieces: EncodedPieces, rows: int, contract: Contract, weights: Weights | None) -> xgb.DMatrix:
    """Return a matrix with the values themselves, which need four bytes for each cell here and eight in XGBoost."""
    matrix, truths, start = np.empty((rows, len(contract.features)), dtype=np.float32), [], 0
    for piece, truth in pieces:
        matrix[start : start + len(piece)] = piece
        truths.append(truth)
        start += len(piece)
    return xgb.DMatrix(matrix, **_described(np.concatenate(truths), contract, weights), enable_categorical=True)


def _described(truth: Any, contract: Contract, weights: Weights | None) -> dict[str, Any]:
    return {
        "label": truth,
        "weight": None if weights is None else weights[truth],
        "feature_names": [feature.name for feature in contract.features],
        "feature_types": contract.feature_types,
    }


class _Iterator(xgb.DataIter):  # type: ignore[misc]  # the library has no types
    """Hands XGBoost one piece after the other, as often as it starts again."""

    def __init__(
        self, pieces: EncodedPieces, contract: Contract, weights: Weights | None, cache_prefix: str | None = None
    ) -> None:
        self._pieces, self._contract, self._weights = pieces, contract, weights
        self._left = iter(pieces)
        self._end: BaseException | None = None
        super().__init__(cache_prefix=cache_prefix)

    def next(self, input_data: Callable[..., None]) -> bool:
        try:
            matrix, truth = next(self._left)
        except StopIteration:
            return False
        except Exception:
            raise
        except BaseException as end:  # SIGTERM, Ctrl-C: a callback of C would lose it
            self._end = end
            return False
        input_data(data=matrix, **_described(truth, self._contract, self._weights))
        return True

    def reset(self) -> None:
        self._left = iter(self._pieces)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Raise what ended the reading, whatever XGBoost made of the pieces so far."""
        try:
            yield
        except Exception:
            if self._end is None:
                raise
        if self._end is not None:
            raise self._end
