"""MLflow on this machine, with SQLite and a folder, on loopback only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from espalier.local.errors import PortTaken
from espalier.local.processes import LOOPBACK, Server, check_port, free_port, running
from espalier.local.state import State

__all__ = ["expect_port", "mlflow_server"]


@contextmanager
def mlflow_server(state: State, port: int | None = None) -> Iterator[str]:
    """Run MLflow, and yield its URI. If one already runs for this state, in another terminal, use it and keep it."""
    note = _note(state)
    if address := _running(state):
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


def expect_port(state: State, port: int) -> None:
    """Raise PortTaken if MLflow already runs for this state on another port: a registry has one server."""
    address = _running(state)
    if address and not address.endswith(f":{port}"):
        raise PortTaken(f"MLflow of {state.folder} already runs at {address}; omit --mlflow-port to use it")


def _note(state: State) -> Path:
    return state.mlflow / "address"


def _running(state: State) -> str:
    """Return the address of the server that already runs for this state; empty if there is none."""
    address = _note(state).read_text() if _note(state).exists() else ""
    return address if address and _answers(address) else ""


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
