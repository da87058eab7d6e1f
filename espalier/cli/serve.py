"""``espalier serve``: serve the champion over HTTPS on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from espalier.cli.output import JsonOption, ProjectOption, StateOption, print_json, say

__all__ = ["serve"]


def serve(
    port: Annotated[int, typer.Option(help="Port of the API.")] = 8443,
    mlflow_port: Annotated[
        int | None,
        typer.Option(help="Port of MLflow; default: 5000, or that of the MLflow that already runs on this state."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes of the API.")] = 1,
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Serve the champion, and run MLflow, until Ctrl-C.

    Examples: `espalier serve`, `espalier serve --port 9443 --workers 2`
    """
    from espalier.local.api_server import api_server
    from espalier.local.mlflow_server import expect_port, mlflow_server
    from espalier.local.processes import check_port, wait_for_interrupt
    from espalier.local.state import State, open_state
    from pipelines.config.params import load_params

    check_port(port)
    if mlflow_port is not None:
        expect_port(State(state), mlflow_port)
    local, name = open_state(state), load_params().register_.model_name
    say("starting MLflow and the API …")
    with mlflow_server(local, mlflow_port or 5000) as mlflow_uri:
        with api_server(local, mlflow_uri=mlflow_uri, model_name=name, port=port, workers=workers) as api:
            if json:
                print_json({"url": api.url, "metrics": api.metrics_url, "ca": str(api.ca), "mlflow": mlflow_uri})
            else:
                say(f"API      {api.url}/docs   (CA: {api.ca})\nmetrics  {api.metrics_url}\nMLflow   {mlflow_uri}")
                say("Ctrl-C stops both. Create a user with: espalier users create NAME --scope predict")
            wait_for_interrupt()
