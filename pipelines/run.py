"""Run the pipeline: the stages of dvc.yaml that have changed, in order."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from pipelines.errors import InvalidParams, PipelineError
from pipelines.params import load_params
from pipelines.pointer import load_pointer
from pipelines.site_cache import private_site_cache
from pipelines.stage import INTERRUPTED

__all__ = ["DAG", "Interrupted", "StageFailed", "run_pipeline"]

DAG = "pipelines/dvc.yaml"
EXITED_WITH = re.compile(r"pipelines\.(\w+), exited with (-?\d+)")


class StageFailed(PipelineError):
    """A stage ended with an error, which it has said itself."""

    def __init__(self, stage: str, exit_code: int) -> None:
        """Keep the stage's own exit code."""
        super().__init__(f"stage {stage} ended with {exit_code}; what it said stands above")
        self.exit_code = exit_code  # type: ignore[misc]  # an instance speaks for its stage


class Interrupted(PipelineError):
    """Ctrl-C ended a stage."""

    exit_code = INTERRUPTED


def run_pipeline(environment: Mapping[str, str], *, force: bool = False, until: str = "") -> list[str]:
    """Run what has changed, and return the names of the stages that ran.

    Args:
        environment: PIPELINE_* variables for the stages, beside those of this process.
        force: run every stage, changed or not.
        until: the last stage to run; empty: all of them.

    Raises:
        StageFailed: with the exit code of the stage.
        Interrupted: Ctrl-C ended a stage.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    # Stages are called as `python -m ...`: that must be the Python that runs this.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.environ.update({**environment, "PATH": path})
    logging.getLogger("dvc").setLevel(logging.ERROR)
    target = f"{DAG}:{until}" if until else DAG
    try:
        with Repo(config={"core": {"site_cache_dir": private_site_cache()}}) as repo:
            return [stage.name for stage in repo.reproduce([target], force=force)]
    except DvcException as error:
        raise _explain(error) from error


def _explain(error: BaseException) -> PipelineError:
    cause: BaseException | None = error
    while cause is not None:
        found = EXITED_WITH.search(str(cause))
        if found and int(found[2]) in (INTERRUPTED, -signal.SIGINT):
            return Interrupted(f"interrupted in stage {found[1]}; the stages before it are done and will be skipped")
        if found:
            return StageFailed(found[1], int(found[2]))
        cause = cause.__cause__
    try:  # DVC reads every pointer, and says of a broken one no more than where
        load_pointer(load_params().fetch.pointer)
    except PipelineError as reason:
        return reason
    return InvalidParams(f"DVC could not run {DAG}: {error}")
