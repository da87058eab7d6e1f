"""``espalier train``: the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from espalier.cli.output import JsonOption, StateOption, print_json, say

__all__ = ["train"]


def train(
    force: Annotated[bool, typer.Option("--force", help="Run every stage, changed or not.")] = False,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Run the stages that have changed: fetch, validate, prepare, train, evaluate, register.

    Uses the MLflow server that PIPELINE_MLFLOW_TRACKING_URI names, or one of its own while it runs. Ends with 0
    too when the gate rejects the model: that is an answer, not a failure.

    Examples: `espalier train`, `espalier train --force`
    """
    from espalier.local.pipeline import as_environment, pipeline_settings
    from espalier.local.state import open_state
    from pipelines.files import REGISTER_JSON, read_json
    from pipelines.run import run_pipeline

    with pipeline_settings(open_state(state)) as settings:
        ran = run_pipeline(as_environment(settings), force=force)
    result = read_json(REGISTER_JSON, stage="register")
    if json:
        print_json({"ran": ran, **result})
    elif ran:
        say(f"{result['name']} version {result['version']}: {result['gate']} by the gate")
    else:
        say(f"nothing has changed since {result['name']} version {result['version']}; --force runs all the same")
