"""``espalier tune``: search for better parameters on validation rows."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from espalier.cli.output import JsonOption, ProjectOption, StateOption, print_json, say

if TYPE_CHECKING:
    from pipelines.tuning.run import Found

__all__ = ["tune"]

UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def _budget(text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in UNITS or int(number) == 0:
        raise typer.BadParameter("write a whole number above 0 and s, m or h, such as 10m")
    return timedelta(**{UNITS[unit]: int(number)})


def tune(  # noqa: PLR0913, PLR0917 - each is an option
    trials: Annotated[int, typer.Option(min=1, help="How many trials to run now.")] = 50,
    time_budget: Annotated[
        timedelta | None, typer.Option(parser=_budget, metavar="10m", help="Stop after this time (s, m or h).")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the last study of the same rows, columns and parameters.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the best parameters into params.yaml; comments stay.")
    ] = False,
    project: ProjectOption = None,  # noqa: ARG001 (entered when it is read)
    state: StateOption = Path(".espalier"),
    json: JsonOption = False,
) -> None:
    """Search for better values of train.booster, and print the best ones as YAML.

    Each trial learns from a part of the training rows and is measured on the others (train.early_stopping says on
    which; by default on a fifth). No test row is used. params.yaml says in tune.space what is tried. The study is kept
    in .espalier/studies.db, or in the database of PIPELINE_STUDY_URL, and can be continued after Ctrl-C. Trials and
    picture are in the MLflow experiment MODEL-tuning.

    Examples: `espalier tune --trials 30`, `espalier tune --time-budget 10m --write`, `espalier tune --resume`
    """
    from espalier.local.pipeline import as_environment, pipeline_settings
    from espalier.local.state import open_state
    from pipelines.config.settings import StudySettings
    from pipelines.dataset.files import TRAIN
    from pipelines.dataset.rows import FileRows
    from pipelines.runner.run import run_pipeline
    from pipelines.targets.project import load_project
    from pipelines.tuning.outcome import change_params
    from pipelines.tuning.run import Plan
    from pipelines.tuning.run import tune as search
    from pipelines.tuning.storage import need_optuna

    need_optuna()
    opened = open_state(state)
    given = StudySettings().study_url
    url = given.get_secret_value() if given else opened.studies_database
    with pipeline_settings(opened) as settings:
        run_pipeline(as_environment(settings), until="prepare")
        found = search(FileRows(TRAIN), load_project(), settings, url, Plan(trials, time_budget, resume))
    if write and found.changes:
        change_params(found.changes)
    print_json(found.__dict__) if json else _show(found, written=write)


def _show(found: Found, *, written: bool) -> None:
    from pipelines.tuning.outcome import as_yaml

    counts = ", ".join(f"{count} {state}" for state, count in sorted(found.trials.items()))
    say(f"study {found.study}: {counts}; MLflow run {found.run_id}")
    if found.changes is None:
        say(f"no trial was better than the present parameters ({found.metric} {found.present:.5f}); nothing to change")
        return
    say(f"validation {found.metric} {found.best:.5f} instead of {found.present:.5f}")
    sys.stdout.write(as_yaml(found.changes))
    say(
        "written into pipelines/params.yaml; train with: espalier train"
        if written
        else "put this into pipelines/params.yaml, or run it again with --write"
    )
