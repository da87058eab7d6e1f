"""``espalier train`` and ``espalier gate``: run the pipeline, at once or in the two parts of a training pod."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from espalier.cli.output import JsonOption, ProjectOption, StateOption, print_json, say

__all__ = ["gate", "train"]


class Until(StrEnum):
    """Stages before the gate that a run may stop after."""

    fetch = "fetch"
    validate = "validate"
    prepare = "prepare"
    train = "train"
    evaluate = "evaluate"


def train(
    force: Annotated[bool, typer.Option("--force", help="Run all stages, changed or not.")] = False,
    until: Annotated[
        Until | None, typer.Option(help="Last stage to run. evaluate: everything but the gate; needs no signing key.")
    ] = None,
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Run the changed stages: fetch, validate, prepare, train, evaluate, register.

    Uses the MLflow server of PIPELINE_MLFLOW_TRACKING_URI, or starts its own. A model that the gate rejects is not a
    failure: the exit code is 0.

    Examples: `espalier train`, `espalier train --force`, `espalier train --until evaluate`
    """
    from espalier.local.pipeline import as_environment, pipeline_settings
    from espalier.local.state import open_state
    from pipelines.dataset.files import REGISTER_JSON, read_json
    from pipelines.runner.run import run_pipeline

    with pipeline_settings(open_state(state)) as settings:
        ran = run_pipeline(as_environment(settings), force=force, until=until or "")
    if until is not None:
        print_json({"ran": ran, "until": until}) if json else say(
            f"stages run: {', '.join(ran) or 'none, nothing has changed'}"
        )
        return
    result = read_json(REGISTER_JSON, stage="register")
    if json:
        print_json({"ran": ran, **result})
    elif ran:
        say(f"{result['name']} version {result['version']}: gate {result['gate']}")
    else:
        say(f"nothing has changed since {result['name']} version {result['version']}; --force runs all stages")


def gate(
    handover: Annotated[
        Path | None,
        typer.Option("--from", help="Folder pipelines/work of the training container; default: that of this project."),
    ] = None,
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Judge the trained model, register it, and promote it if it passed: the stage register alone.

    In a training pod this runs in a separate container, the only one with the signing key: it copies the data files of
    the training container, checks them, and scores the model again. Running it again gives the same state.

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
