"""Run the pipeline: the stages of dvc.yaml that have changed, in order."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psutil

from pipelines.config.params import load_params
from pipelines.dataset.pointer import load_pointer
from pipelines.dataset.site_cache import private_site_cache
from pipelines.errors import InvalidParams, PipelineError
from pipelines.stages.process import INTERRUPTED

__all__ = ["DAG", "Interrupted", "StageFailed", "run_pipeline"]

DAG = "pipelines/dvc.yaml"
EXITED_WITH = re.compile(r"pipelines\.stages\.(\w+), exited with (-?\d+)")
SIGNALLED = {code: number for number in (signal.SIGINT, signal.SIGTERM) for code in (-number, 128 + number)}
"""Exit codes of a stage that a signal ended, before and after it could handle one, and the signal."""


class StageFailed(PipelineError):
    """A stage ended with an error, which it has said itself."""

    def __init__(self, stage: str, exit_code: int) -> None:
        """Keep the stage's own exit code."""
        super().__init__(f"stage {stage} ended with {exit_code}; what it said stands above")
        self.exit_code = exit_code


class Interrupted(PipelineError):
    """Ctrl-C or SIGTERM ended a stage; the exit code is 128 and the signal's number, as a shell has it."""

    exit_code = INTERRUPTED

    def __init__(self, stage: str, number: int) -> None:
        """Say which signal ended which stage."""
        how = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
        super().__init__(f"{how} in stage {stage}; the stages before it are done and will be skipped")
        self.exit_code = 128 + number


def run_pipeline(environment: Mapping[str, str], *, force: bool = False, until: str = "") -> list[str]:
    """Run what has changed, and return the names of the stages that ran.

    ``register`` runs too where the champion is another than the one that the model was compared with.

    Args:
        environment: PIPELINE_* variables for the stages, beside those of this process.
        force: run every stage, changed or not.
        until: the last stage to run; empty: all of them.

    Raises:
        StageFailed: with the exit code of the stage.
        Interrupted: Ctrl-C or SIGTERM ended a stage.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    # Stages are called as `python -m ...`: that must be the Python that runs this.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.environ.update({**environment, "PATH": path})
    logging.getLogger("dvc").setLevel(logging.ERROR)
    target = f"{DAG}:{until}" if until else DAG
    try:
        with Repo(config={"core": {"site_cache_dir": private_site_cache()}}) as repo, _sigterm_to_the_stage():
            ran = [stage.name for stage in repo.reproduce([target], force=force)]
            if not until and "register" not in ran and not _verdict_is_current():
                ran += [stage.name for stage in repo.reproduce([f"{DAG}:register"], force=True, single_item=True)]
            return ran
    except DvcException as error:
        raise _explain(error) from error


def _verdict_is_current() -> bool:
    from bundle.vocabulary import CHAMPION
    from pipelines.config.settings import load_settings
    from pipelines.dataset.files import REGISTER_JSON, read_json
    from pipelines.registry.registration import is_current
    from pipelines.registry.versions import Registry

    judged, registry = read_json(REGISTER_JSON, stage="register"), Registry(load_settings())
    name = judged["name"]
    return is_current(registry.versions(name), judged["version"], champion=registry.version_of(name, CHAMPION))


@contextmanager
def _sigterm_to_the_stage() -> Iterator[None]:
    """Forward SIGTERM to the stage that runs, for Kubernetes sends it to the first process alone.

    The stage ends its MLflow run, and DVC reports that it ended. Between two stages it ends this process.
    """

    def forward(number: int, _frame: FrameType | None) -> None:
        # A shell stands between: bash gives its place to the stage, dash (/bin/sh in the image) waits for it.
        stages = [child for child in psutil.Process().children(recursive=True) if _is_stage(child)]
        for stage in stages:
            stage.send_signal(number)
        if not stages:
            sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, forward)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_stage(process: psutil.Process) -> bool:
    try:
        return any(argument.startswith("pipelines.stages.") for argument in process.cmdline())
    except psutil.Error:  # it has just ended
        return False


def _explain(error: BaseException) -> PipelineError:
    cause: BaseException | None = error
    while cause is not None:
        found = EXITED_WITH.search(str(cause))
        if found and int(found[2]) in SIGNALLED:
            return Interrupted(found[1], SIGNALLED[int(found[2])])
        if found:
            return StageFailed(found[1], int(found[2]))
        cause = cause.__cause__
    try:  # DVC reads every pointer, and says of a broken one no more than where
        load_pointer(load_params().fetch.pointer)
    except PipelineError as reason:
        return reason
    return InvalidParams(f"DVC could not run {DAG}: {error}")
