"""What ``train`` left: the booster, its contract, and which rows it was fitted on."""

from __future__ import annotations

from pathlib import Path

import xgboost as xgb

from bundle import Contract
from pipelines.dataset.files import CONTRACT_JSON, MEASURED_MODEL, MODEL, TRAINING_JSON, read_json
from pipelines.dataset.trained_rows import Training, hash_model
from pipelines.errors import InvalidData, MissingData

__all__ = ["read_model", "read_training"]


def read_model(path: Path = MODEL) -> tuple[xgb.Booster, Contract]:
    """Load what ``train`` left: the model to register, or the one to measure.

    Raises:
        MissingData: not there yet.
    """
    if not (path.exists() and CONTRACT_JSON.exists()):
        raise MissingData(f"{path} or {CONTRACT_JSON} is not there; run: python -m pipelines.stages.train")
    booster = xgb.Booster()
    booster.load_model(bytearray(path.read_bytes()))
    return booster, Contract.model_validate_json(CONTRACT_JSON.read_bytes())


def read_training() -> Training:
    """Read which rows ``train`` fitted its models on.

    Raises:
        MissingData: not there yet.
        InvalidData: it speaks of other models than those that are there.
    """
    training = Training.model_validate(read_json(TRAINING_JSON, stage="train"))
    for path, sha256 in ((MEASURED_MODEL, training.measured_model_sha256), (MODEL, training.registered_model_sha256)):
        if not path.exists() or hash_model(path.read_bytes()) != sha256:
            raise InvalidData(f"{TRAINING_JSON} is not of {path}; run: python -m pipelines.stages.train")
    return training
