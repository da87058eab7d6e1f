"""Ctrl-C, as a terminal sends it: to the command and to all that it has started at once."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

PATIENCE = 300


def as_in_a_terminal():
    """What runs these tests in the background may have turned Ctrl-C off, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def command(tmp_path):
    """Start the command as the foreground job of a terminal; its output goes to a file."""
    started = []

    def start(*arguments):
        log = tmp_path / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", "from espalier.cli.main import main; main()", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=as_in_a_terminal,  # noqa: PLW1509 (no thread runs)
            )
        started.append(process)
        return process, log

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def wait_for(text, log, process):
    pause = threading.Event()
    for _ in range(PATIENCE * 10):
        if text in log.read_text():
            return
        assert process.poll() is None, log.read_text()
        pause.wait(0.1)
    pytest.fail(f"{text} was not log: {log.read_text()}")


def statuses(registry, name):
    """Of the runs in MLflow."""
    experiment = registry._client.get_experiment_by_name(name)
    return [run.info.status for run in registry._client.search_runs([experiment.experiment_id])]


def test_interrupted_training_is_one_line_and_130(pushed, command, registry, name):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("rounds: 15", "rounds: 5000"))
    process, log = command("train")
    wait_for("boosting", log, process)

    os.killpg(process.pid, signal.SIGINT)

    assert process.wait(PATIENCE) == 130
    lines = log.read_text().splitlines()
    assert lines[-1].startswith("espalier: interrupted in stage train")
    assert "boosting" in lines[-2], "one line"
    assert "Traceback" not in log.read_text()
    assert statuses(registry, name) == ["KILLED"]


@pytest.mark.parametrize("shell", ["sh", pytest.param("bash", marks=pytest.mark.slow)])
def test_training_that_sigterm_ends_takes_its_stage_along_and_says_so_in_mlflow(
    pushed, command, registry, name, monkeypatch, need, shell
):
    """DVC runs a stage in the user's shell: bash gives its place to the stage, dash waits for it."""
    monkeypatch.setenv("SHELL", need(shell))
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("rounds: 15", "rounds: 5000"))
    process, log = command("train")
    wait_for("boosting", log, process)
    children = psutil.Process(process.pid).children(recursive=True)
    (stage,) = (child for child in children if "pipelines.stages.train" in child.cmdline())

    process.send_signal(signal.SIGTERM)  # to the one process, as Kubernetes does

    assert process.wait(PATIENCE) == 143
    assert log.read_text().splitlines()[-1].startswith("espalier: stopped by SIGTERM in stage train")
    assert "Traceback" not in log.read_text()
    assert not stage.is_running()
    assert statuses(registry, name) == ["KILLED"]


SERVER = """
import sys, threading
from espalier.local.processes import wait_for_interrupt

def waits(frame):  # and not for this thread to start, which is a wait of the same kind
    inner = frame.f_code is threading.Condition.wait.__code__
    while frame is not None and frame.f_code is not wait_for_interrupt.__code__:
        frame = frame.f_back
    return inner and frame is not None

def say_when_it_waits(main):
    while not waits(sys._current_frames()[main]):
        pass
    print("waiting", flush=True)

threading.Thread(target=say_when_it_waits, args=[threading.get_ident()], daemon=True).start()
wait_for_interrupt()
print("over")
"""


def test_ctrl_c_stops_a_server_with_exit_code_0():
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=as_in_a_terminal,  # noqa: PLW1509 (no thread runs)
    )
    assert process.stdout.readline() == "waiting\n"

    os.killpg(process.pid, signal.SIGINT)

    assert process.communicate(timeout=PATIENCE)[0] == "over\n"
    assert process.returncode == 0
