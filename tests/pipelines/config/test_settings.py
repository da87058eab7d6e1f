from pathlib import Path

import pytest

from pipelines.config.settings import Settings, load_settings
from pipelines.errors import InvalidParams


def test_environment_names_are_the_fields_in_capitals(monkeypatch):
    monkeypatch.setenv("PIPELINE_MLFLOW_TRACKING_URI", "http://mlflow:5000")

    assert load_settings().mlflow_tracking_uri == "http://mlflow:5000"


def test_wrong_value_names_its_variable(monkeypatch):
    monkeypatch.setenv("PIPELINE_MLFLOW_RETRIES", "many")

    with pytest.raises(InvalidParams, match="PIPELINE_MLFLOW_RETRIES"):
        load_settings()


def test_configured_trusted_keys_are_used():
    assert Settings(public_key_files="a.pem, b.pem").trusted_key_files() == [Path("a.pem"), Path("b.pem")]


def test_default_trusted_key_is_next_to_the_signing_key(keys):
    assert Settings(signing_key_file=keys.private).trusted_key_files() == [keys.public]


def test_missing_trusted_key_is_reported(tmp_path):
    with pytest.raises(InvalidParams, match="PIPELINE_PUBLIC_KEY_FILES"):
        Settings(signing_key_file=tmp_path / "alone.pem").trusted_key_files()


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"DASK_ADDRESS": "scheduler:8786"}, "PIPELINE_DASK_ADDRESS"),
        ({"DASK_ADDRESS": "tls://scheduler:8786"}, "needs PIPELINE_DASK_CA_FILE, PIPELINE_DASK_CERT_FILE and"),
        ({"DASK_ADDRESS": "tcp://scheduler:8786", "DASK_KEY_FILE": "key.pem"}, "tcp:// is not encrypted: write tls://"),
        ({"DASK_WAIT_SECONDS": "0"}, "PIPELINE_DASK_WAIT_SECONDS"),
        ({"DASK_ATTEMPTS": "0"}, "PIPELINE_DASK_ATTEMPTS"),
    ],
)
def test_wrong_settings_of_dask_are_named(monkeypatch, variables, problem):
    for name, value in variables.items():
        monkeypatch.setenv(f"PIPELINE_{name}", value)

    with pytest.raises(InvalidParams, match=problem):
        load_settings()
