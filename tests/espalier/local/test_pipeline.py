from espalier.local.pipeline import as_environment, pipeline_settings
from espalier.local.state import open_state
from pipelines.config.settings import Settings


def test_registry_of_the_environment_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("PIPELINE_MLFLOW_TRACKING_URI", "http://mlflow:5000")
    state = open_state(tmp_path / "state")

    with pipeline_settings(state) as settings:
        assert settings.mlflow_tracking_uri == "http://mlflow:5000"
        assert settings.signing_key_file == state.model_key


def test_environment_gives_the_same_settings_elsewhere(tmp_path, monkeypatch):
    settings = Settings(
        mlflow_tracking_uri="http://mlflow:5000", signing_key_file=tmp_path / "key.pem", remote_retries=1
    )

    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)

    assert Settings() == settings
