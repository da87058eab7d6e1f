"""Predict few rows through XGBoost's C API: the numbers of ``inplace_predict`` at a quarter of its cost.

For one row, most of ``Booster.inplace_predict`` is the same in every call: it checks types, writes JSON and makes a
proxy matrix, for which XGBoost reads the processor limit of the cgroup from the file system. Here that is done once in
each thread. docs/adr/0018-evaluation-of-trees.md compares this with other evaluators.
"""

from __future__ import annotations

import ctypes
import threading

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from xgboost.core import _LIB, XGBoostError

__all__ = ["DirectBooster"]

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]

DIRECT_ROWS = 128
"""With more rows ``inplace_predict`` is as fast."""

SINGLE_ROWS = 4
"""Up to this many rows are predicted one by one: XGBoost rearranges all trees for two or more."""

CONFIG = b'{"type":0,"iteration_begin":0,"iteration_end":0,"missing":NaN,"strict_shape":true,"training":false}'
"""Type 0: after the transformation of the objective, so probabilities."""

ARRAY = b'{"data":[%d,true],"shape":[%d,%d],"typestr":"<f4","version":3}'
"""NumPy's array interface."""


class DirectBooster:
    """A booster of a binary classifier."""

    def __init__(self, booster: xgb.Booster) -> None:
        """Keep the booster, which owns what the calls use."""
        self._booster = booster
        self._features = booster.num_features()
        self._call = _Call(booster)

    def predict(self, matrix: Matrix) -> Vector:
        """Return (n,) probabilities for (n, features) float32 rows, with NaN for missing values.

        Raises:
            XGBoostError: XGBoost refuses the rows.
        """
        rows = len(matrix)
        if rows > DIRECT_ROWS or matrix.shape[1] != self._features:
            return np.asarray(self._booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)
        matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        address = matrix.ctypes.data
        if rows > SINGLE_ROWS:
            return np.frombuffer(self._call.predict(address, rows, self._features), np.float32)
        step = 4 * self._features
        parts = [self._call.predict(address + step * row, 1, self._features) for row in range(rows)]
        return np.frombuffer(b"".join(parts), np.float32)


class _Call(threading.local):
    """The constant arguments. The proxy holds the rows and the result of a call, so every thread has its own."""

    def __init__(self, booster: xgb.Booster) -> None:
        self._function, self._handle, self._proxy = _LIB.XGBoosterPredictFromDense, booster.handle, ctypes.c_void_p()
        _check(_LIB.XGProxyDMatrixCreate(ctypes.byref(self._proxy)))
        self._shape, self._values = ctypes.POINTER(ctypes.c_uint64)(), ctypes.POINTER(ctypes.c_float)()
        self._results = ctypes.byref(self._shape), ctypes.byref(ctypes.c_uint64()), ctypes.byref(self._values)

    def __del__(self) -> None:
        _LIB.XGDMatrixFree(self._proxy)

    def predict(self, address: int, rows: int, features: int) -> bytes:
        """Return a copy of the result: the next call in this thread overwrites it."""
        array = ARRAY % (address, rows, features)
        _check(self._function(self._handle, array, CONFIG, self._proxy, *self._results))
        return ctypes.string_at(self._values, 4 * rows)


def _check(status: int) -> None:
    if status:
        raise XGBoostError(_LIB.XGBGetLastError().decode())
