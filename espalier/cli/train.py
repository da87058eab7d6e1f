"""``espalier train`` and ``espalier gate``: the pipeline, whole or in the two parts that a training pod keeps apart."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from espalier.cli.output import JsonOption, StateOption, print_json, say

__all__ = ["gate", "train"]


class Until(StrEnum):
    """Stages that a run may end with, before the gate."""

    fetch = "fetch"
    validate = "validate"
    prepare = "prepare"
    train = "train"
    evaluate = "evaluate"


def train(
    force: Annotated[bool, typer.Option("--force", help="Run every stage, changed or not.")] = False,
    until: Annotated[
        Until | None, typer.Option(help="The last stage to run. evaluate: all but the gate, without the signing key.")
    ] = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Run the stages that have changed: fetch, validate, prepare, train, evaluate, register.

    Uses the MLflow server that PIPELINE_MLFLOW_TRACKING_URI names, or one of its own while it runs. Ends with 0
    too when the gate rejects the model: that is an answer, not a failure.

    Examples: `espalier train`, `espalier train --force`, `espalier train --until evaluate`
    """
    from espalier.local.pipeline import as_environment, pipeline_settings
    from espalier.local.state import open_state
    from pipelines.dataset.files import REGISTER_JSON, read_json
    from pipelines.runner.run import run_pipeline

    with pipeline_settings(open_state(state)) as settings:
        ran = run_pipeline(as_environment(settings), force=force, until=until or "")
    if until is not None:
        print_json({"ran": ran, "until": until}) if json else say(f"ran {', '.join(ran) or 'nothing, all is current'}")
        return
    result = read_json(REGISTER_JSON, stage="register")
    if json:
        print_json({"ran": ran, **result})
    elif ran:
        say(f"{result['name']} version {result['version']}: {result['gate']} by the gate")
    else:
        say(f"nothing has changed since {result['name']} version {result['version']}; --force runs all the same")


def gate(
    handover: Annotated[
        Path | None,
        typer.Option("--from", help="Folder pipelines/work of the container that trained; default: this project's."),
    ] = None,
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Judge what was trained, register it, and promote it if it passed: the stage register, by itself.

    In a training pod this runs in a container of its own, which alone has the signing key: it copies data files of
    the other container, checks them, and scores the model again. Run again, it ends in the same state.

    Examples: `espalier gate`, `espalier gate --from /run/handover`
    """
    from espalier.local.pipeline import as_environment, pipeline_settings
    from espalier.local.state import open_state
    from pipelines.config.params import load_params
    from pipelines.dataset.files import REGISTER_JSON, read_json
    from pipelines.dataset.pointer import load_pointer
    from pipelines.runner import handover as handed_over
    from pipelines.stages import register
    from pipelines.stages.process import run_stage

    with pipeline_settings(open_state(state)) as settings:
        os.environ.update(as_environment(settings))
        if handover is not None:
            handed_over.take_over(handover)
            handed_over.check(load_pointer(settings.pointer_file or load_params().fetch.pointer))
        run_stage("register", register.main)
    if json:
        print_json(read_json(REGISTER_JSON, stage="register"))
