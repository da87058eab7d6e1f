"""Time XGBoost's call alone: what no server around it can be faster than with the same evaluator.

Usage: call.py MODEL SECONDS, the rows as little-endian float32 on standard input. Prints calls per second.
"""

import sys
import time

import numpy as np
import xgboost as xgb


def calls_per_second(model: str, rows: np.ndarray, seconds: float) -> float:
    """Call as often as the time allows; a first tenth of it warms up."""
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(model)
    _repeat(booster, rows, seconds / 10)
    return _repeat(booster, rows, seconds)


def _repeat(booster: xgb.Booster, rows: np.ndarray, seconds: float) -> float:
    began, calls = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds or not calls:
        booster.inplace_predict(rows, validate_features=False)
        calls += 1
    return calls / passed


if __name__ == "__main__":
    features = xgb.Booster(model_file=sys.argv[1]).num_features()
    given = np.frombuffer(sys.stdin.buffer.read(), dtype="<f4").reshape(-1, features)
    sys.stdout.write(f"{calls_per_second(sys.argv[1], given, float(sys.argv[2]))}\n")
