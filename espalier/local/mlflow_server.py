"""MLflow on this machine: SQLite and a folder, loopback only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from espalier.local.processes import LOOPBACK, Server, check_port, free_port, running
from espalier.local.state import State

__all__ = ["mlflow_server"]


@contextmanager
def mlflow_server(state: State, port: int | None = None) -> Iterator[str]:
    """Run MLflow, and give its URI. One that this state runs already, in another terminal, is used and left running."""
    note = state.mlflow / "address"
    address = note.read_text() if note.exists() else ""
    if address and _answers(address):
        yield address
        return
    if port is not None:
        check_port(port)
    uri = f"http://{LOOPBACK}:{port or free_port()}"
    with running(_server(state, uri)):
        note.write_text(uri)
        try:
            yield uri
        finally:
            note.unlink(missing_ok=True)


def _server(state: State, uri: str) -> Server:
    address = uri.removeprefix("http://")
    host, _, port = address.partition(":")
    folder = state.mlflow.resolve()
    arguments = ["-m", "mlflow", "server", "--host", host, "--port", port, "--workers", "1"]
    arguments += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    arguments += ["--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"]
    arguments += ["--allowed-hosts", f"{address},localhost:{port}"]
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return Server("MLflow", arguments, environment, f"{uri}/health", state.logs / "mlflow.log")


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
