"""Run the pipeline: the changed stages of dvc.yaml, in order."""

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
from pipelines.runner.half_written import remove_half_written
from pipelines.stages.process import INTERRUPTED

__all__ = ["DAG", "Interrupted", "StageFailed", "run_pipeline"]

DAG = "pipelines/dvc.yaml"
EXITED_WITH = re.compile(r"pipelines\.stages\.(\w+), exited with (-?\d+)")
SIGNALLED = {code: number for number in (signal.SIGINT, signal.SIGTERM) for code in (-number, 128 + number)}
"""Exit codes of a stage that was stopped by a signal, without and with a handler, and the signal."""


class StageFailed(PipelineError):
    """A stage failed; it has printed its error itself."""

    def __init__(self, stage: str, exit_code: int) -> None:
        """Use the exit code of the stage."""
        super().__init__(f"stage {stage} failed with exit code {exit_code}; see its output above")
        self.exit_code = exit_code


class Interrupted(PipelineError):
    """Ctrl-C or SIGTERM stopped a stage; the exit code is 128 + the signal number, as in a shell."""

    exit_code = INTERRUPTED

    def __init__(self, stage: str, number: int) -> None:
        """Name the stage and the signal."""
        how = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
        super().__init__(f"{how} in stage {stage}; completed stages will be skipped next time")
        self.exit_code = 128 + number


def run_pipeline(environment: Mapping[str, str], *, force: bool = False, until: str = "") -> list[str]:
    """Run the changed stages, and return the names of the stages that ran.

    ``register`` also runs if the champion has changed since the model was compared with it.

    Args:
        environment: PIPELINE_* variables for the stages, in addition to those of this process.
        force: run all stages, changed or not.
        until: the last stage to run; empty: all stages.

    Raises:
        StageFailed: a stage failed; it has the exit code of the stage.
        Interrupted: Ctrl-C or SIGTERM stopped a stage.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    target = f"{DAG}:{until}" if until else DAG
    try:
        with (
            _environment_of_stages(environment),
            Repo(config={"core": {"site_cache_dir": private_site_cache()}}) as repo,
            _forward_sigterm(),
        ):
            remove_half_written(repo, DAG)
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
def _environment_of_stages(environment: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process, which DVC hands to the stages, and put the former ones back."""
    before = dict(os.environ)
    # Stages run as `python -m ...`: that must be the Python of this process.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.environ.update({**environment, "PATH": path})
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _forward_sigterm() -> Iterator[None]:
    """Forward SIGTERM to the running stage: Kubernetes sends it to the first process only.

    The stage ends its MLflow run and exits, which DVC reports. Between two stages, SIGTERM exits this process.
    """

    def forward(number: int, _frame: FrameType | None) -> None:
        # DVC runs stages through a shell: bash execs the stage, dash (/bin/sh in the image) waits for it as a parent.
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
    except psutil.Error:  # it has just exited
        return False


def _explain(error: BaseException) -> PipelineError:
    cause: BaseException | None = error
    while cause is not None:
        match = EXITED_WITH.search(str(cause))
        if match and int(match[2]) in SIGNALLED:
            return Interrupted(match[1], SIGNALLED[int(match[2])])
        if match:
            return StageFailed(match[1], int(match[2]))
        cause = cause.__cause__
    try:  # DVC reads every pointer; its message about a broken one is unhelpful
        load_pointer(load_params().fetch.pointer)
    except PipelineError as reason:
        return reason
    return InvalidParams(f"DVC could not run {DAG}: {error}")
