"""Training alone: the same rows as a matrix in memory, and ``xgboost.train``. Run as a process of its own."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

__all__ = ["main"]


def main(table: Path, *, rounds: int, threads: int) -> dict[str, float]:
    """Read the table, encode it, and train; return the seconds of each, and the number of rows that trained."""
    import pandas as pd
    import xgboost as xgb

    began = time.perf_counter()
    frame = pd.read_parquet(table)
    frame = frame.iloc[: int(len(frame) * 0.8)]
    label = frame.pop("bought").to_numpy()
    frame = frame.drop(columns="visited")
    kinds = [name for name in frame if str(name).startswith("kind")]
    frame = frame.astype(dict.fromkeys(kinds, "category"))
    read = time.perf_counter()
    matrix = xgb.DMatrix(frame, label, enable_categorical=True)
    params = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "nthread": threads, "seed": 1}
    xgb.train(params, matrix, rounds)
    return {"rows": len(frame), "read": read - began, "train": time.perf_counter() - read}


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1]), rounds=int(sys.argv[2]), threads=int(sys.argv[3])), sys.stdout)
