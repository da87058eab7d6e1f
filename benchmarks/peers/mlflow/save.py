"""Save the booster as an MLflow model, with the signature that its scoring server checks requests against.

Usage: save.py MODEL FOLDER FEATURES
"""

import sys

import mlflow.xgboost
import numpy as np
import xgboost as xgb
from mlflow.models import infer_signature

if __name__ == "__main__":
    model, folder, features = sys.argv[1:]
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(model)
    rows = np.zeros((2, int(features)), dtype=np.float32)
    mlflow.xgboost.save_model(booster, folder, signature=infer_signature(rows, booster.inplace_predict(rows)))
