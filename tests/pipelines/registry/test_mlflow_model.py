import json

import pytest
import yaml

from bundle import COMPANION_FILES
from pipelines.registry.mlflow_model import write_mlflow_model


def test_only_known_companion_files_are_written(booster, contract, tmp_path):
    write_mlflow_model(tmp_path, booster, contract)

    names = {path.name for path in tmp_path.iterdir()}
    assert "MLmodel" in names
    assert names <= COMPANION_FILES


def test_signature_names_the_encoded_columns(booster, contract, tmp_path):
    write_mlflow_model(tmp_path, booster, contract)

    text = (tmp_path / "MLmodel").read_text()
    assert "loader_module: mlflow.xgboost" in text
    assert all(feature.name in text for feature in contract.features)


@pytest.mark.parametrize(
    ("name", "changes", "outputs"),
    [
        ("penguins", {}, ["adelie", "chinstrap", "gentoo"]),
        ("diabetes", {}, ["lower", "median", "upper"]),
        ("diabetes", {"interval": None}, ["value"]),
    ],
)
def test_signature_names_the_outputs(trained, tmp_path, name, changes, outputs):
    made = trained(name, **changes)

    write_mlflow_model(tmp_path, made.fit.booster, made.contract)

    signature = yaml.safe_load((tmp_path / "MLmodel").read_text())["signature"]
    assert [output["name"] for output in json.loads(signature["outputs"])] == outputs
