"""Settings of the pipelines on this machine: the local registry and keys, unless the environment overrides them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from espalier.local.mlflow_server import mlflow_server
from espalier.local.state import State
from pipelines.config.settings import Settings, load_settings

__all__ = ["as_environment", "pipeline_settings"]


@contextmanager
def pipeline_settings(state: State, *, mlflow_port: int | None = None) -> Iterator[Settings]:
    """Yield settings with a running MLflow: that of PIPELINE_MLFLOW_TRACKING_URI, or a local one."""
    settings = load_settings()
    own: dict[str, object] = {} if settings.signing_key_file else {"signing_key_file": state.model_key}
    if "lock_file" not in settings.model_fields_set:
        own["lock_file"] = state.promotion_lock.resolve()
    if "mlflow_tracking_uri" in settings.model_fields_set:
        yield settings.model_copy(update=own)
        return
    with mlflow_server(state, mlflow_port) as uri:
        yield settings.model_copy(update={**own, "mlflow_tracking_uri": uri})


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables for the same settings in another process."""
    values = settings.model_dump(mode="json", exclude_none=True)
    return {f"PIPELINE_{name.upper()}": str(value) for name, value in values.items() if value != ""}
