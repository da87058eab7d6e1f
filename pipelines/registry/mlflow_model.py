"""Add MLflow's model files to a bundle, so that MLflow's UI and ``mlflow models serve`` work with a version."""

from __future__ import annotations

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

from bundle import COMPANION_FILES, Contract
from pipelines.model.matrix import encode
from pipelines.targets.of_type import task_of

__all__ = ["write_mlflow_model"]


def write_mlflow_model(folder: Path, booster: xgb.Booster, contract: Contract) -> None:
    """Write MLmodel and related files: flavour, signature, an example, requirements.

    The signature describes encoded rows (categories as codes), the input of the plain booster.
    """
    import mlflow.xgboost
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    names = [feature.name for feature in contract.features]
    row = pd.DataFrame([contract.example]).astype(object)
    example = pd.DataFrame(encode(row, contract).astype(np.float64), columns=names)
    signature = ModelSignature(
        inputs=Schema([ColSpec("double", name) for name in names]),
        outputs=Schema([ColSpec("float", name) for name in task_of(contract.target).output_names]),
    )
    with tempfile.TemporaryDirectory() as temporary:
        saved = Path(temporary) / "model"
        mlflow.xgboost.save_model(
            booster,
            str(saved),
            signature=signature,
            input_example=example,
            pip_requirements=[f"xgboost-cpu=={version('xgboost-cpu')}", f"mlflow=={version('mlflow-skinny')}"],
            model_format="ubj",
        )
        folder.mkdir(parents=True, exist_ok=True)
        for path in saved.iterdir():
            if path.name in COMPANION_FILES:
                shutil.copyfile(path, folder / path.name)
