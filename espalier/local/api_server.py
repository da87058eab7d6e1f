"""The prediction API on this machine, over HTTPS on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from espalier.local.processes import LOOPBACK, Server, check_port, free_port, running
from espalier.local.state import State

__all__ = ["ApiAddress", "api_server"]


@dataclass(frozen=True)
class ApiAddress:
    """The addresses of the API."""

    url: str
    metrics_url: str
    ca: Path


@contextmanager
def api_server(
    state: State, *, mlflow_uri: str, model_name: str, port: int | None = None, workers: int = 1
) -> Iterator[ApiAddress]:
    """Run the API with the champion of ``model_name``."""
    if port is not None:
        check_port(port)
    api_port, metrics_port = port or free_port(), free_port()
    address = ApiAddress(
        url=f"https://localhost:{api_port}",
        metrics_url=f"http://{LOOPBACK}:{metrics_port}/metrics",
        ca=state.ca,
    )
    environment = {
        "API_HOST": LOOPBACK,
        "API_PORT": str(api_port),
        "API_METRICS_PORT": str(metrics_port),
        "API_WORKERS": str(workers),
        "API_TLS_CERT_FILE": str(state.certificate),
        "API_TLS_KEY_FILE": str(state.certificate_key),
        "API_ALLOWED_HOSTS": "localhost,127.0.0.1",
        "API_DATABASE_URL": state.users_database,
        "API_JWT_SIGNING_KEY_FILE": str(state.jwt_key),
        "API_MLFLOW_TRACKING_URI": mlflow_uri,
        "API_MODEL_NAME": model_name,
        "API_WAIT_FOR_MODEL": "false",  # fail at once, with a hint to train
        "API_MODEL_PUBLIC_KEY_FILES": str(state.model_public_key),
        "API_MODEL_CACHE_DIR": str(state.model_cache),
        "API_DOCS_ENABLED": "true",
    }
    log = state.logs / "api.log"
    server = Server("the API", ["-m", "services.api"], environment, f"{address.url}/readyz", log, ca=state.ca)
    with running(server):
        yield address
