"""Read the output of ``train``: booster, contract, and training rows."""

from __future__ import annotations

from pathlib import Path

import xgboost as xgb

from bundle import Contract
from pipelines.dataset.files import CONTRACT_JSON, MEASURED_MODEL, MODEL, TRAINING_JSON, read_json
from pipelines.dataset.trained_rows import Training, hash_model
from pipelines.errors import InvalidData, MissingData

__all__ = ["read_model", "read_training"]


def read_model(path: Path = MODEL) -> tuple[xgb.Booster, Contract]:
    """Load a model that ``train`` wrote: the one to register, or the one to measure.

    Raises:
        MissingData: the file does not exist yet.
    """
    if not (path.exists() and CONTRACT_JSON.exists()):
        raise MissingData(f"{path} or {CONTRACT_JSON} not found; run: python -m pipelines.stages.train")
    booster = xgb.Booster()
    booster.load_model(bytearray(path.read_bytes()))
    return booster, Contract.model_validate_json(CONTRACT_JSON.read_bytes())


def read_training() -> Training:
    """Read which rows ``train`` used for its models.

    Raises:
        MissingData: the file does not exist yet.
        InvalidData: it describes other models than the present ones.
    """
    training = Training.model_validate(read_json(TRAINING_JSON, stage="train"))
    for path, sha256 in ((MEASURED_MODEL, training.measured_model_sha256), (MODEL, training.registered_model_sha256)):
        if not path.exists() or hash_model(path.read_bytes()) != sha256:
            raise InvalidData(f"{TRAINING_JSON} does not belong to {path}; run: python -m pipelines.stages.train")
    return training
