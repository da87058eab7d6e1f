import signal
import subprocess
import sys

import pytest

from bundle import UnsignedBundle
from pipelines.dataset.files import WORK
from pipelines.errors import PipelineError, Unreachable
from pipelines.stages.process import run_stage


def fail(error):
    def main():
        raise error

    return main


def test_result_of_a_stage_is_printed(capsys):
    run_stage("fetch", lambda: "brought it")

    assert "fetch brought it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unreachable("MLflow is unavailable"), 6),
        (PipelineError("install espalier[demo], see [/docs]"), 1),
        (UnsignedBundle("no"), 9),
    ],
)
def test_expected_failure_prints_one_line_and_sets_the_exit_code(capsys, error, code):
    with pytest.raises(SystemExit) as caught:
        run_stage("train", fail(error))

    printed = capsys.readouterr().err
    assert caught.value.code == code
    assert printed == f"train failed: {error}\n"


@pytest.fixture
def run_stage_process(project):
    """A function that runs a stage as a process, in the project."""

    def run(stage):
        command = [sys.executable, "-m", f"pipelines.stages.{stage}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.mark.parametrize(
    ("stage", "file"), [("fetch", "data.json"), ("validate", "table.parquet.part"), ("prepare", "train.parquet.part")]
)
def test_full_disk_is_one_line_and_the_stage_can_run_again(pushed, connected, run_stage_process, stage, file):
    """The device /dev/full answers every write as a full disk does."""
    stages = ("fetch", "validate", "prepare")
    for earlier in stages[: stages.index(stage)]:
        assert run_stage_process(earlier).returncode == 0
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / file).symlink_to("/dev/full")

    failed = run_stage_process(stage)

    assert failed.returncode == 12
    assert f"{stage} failed: no space left on the disk" in failed.stderr
    assert "training.workSize" in failed.stderr and "Traceback" not in failed.stderr
    (WORK / file).unlink(missing_ok=True)
    assert run_stage_process(stage).returncode == 0


def test_other_errors_of_the_operating_system_are_not_a_full_disk():
    with pytest.raises(PermissionError):
        run_stage("train", fail(PermissionError(13, "no")))


def test_exit_codes_are_unique():
    codes = [kind.exit_code for kind in PipelineError.__subclasses__() if "exit_code" in vars(kind)]  # others: 1

    assert len(set(codes)) == len(codes)


def test_interrupted_stage_exits_130_silently(capsys):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        run_stage("train", interrupted)

    assert end.value.code == 130
    assert capsys.readouterr().err == ""


def test_sigterm_raises_system_exit_in_a_stage(capsys):
    cleaned = []

    def working():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            cleaned.append("the run in MLflow")

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        run_stage("train", working)

    assert (end.value.code, cleaned) == (143, ["the run in MLflow"])
    assert capsys.readouterr().err == ""
    assert signal.getsignal(signal.SIGTERM) is before
