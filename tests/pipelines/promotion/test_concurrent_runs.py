"""Two runs at once, each a process of its own, with a real MLflow: one waits, and is judged against the other's."""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from bundle.vocabulary import CHALLENGER, CHAMPION, PREVIOUS
from pipelines.config.settings import load_settings
from pipelines.promotion.lock import promotion_lock
from pipelines.stages import register
from tests.kubernetes_stand_in import DEPLOYMENT, LEASE, api_server
from tests.saved_project import saving
from tests.small_project import connected_project, run_candidate

PATIENCE = 600


@pytest.fixture(params=["none", "kubernetes"])
def environment(request, tmp_path, monkeypatch):
    """What serializes them: a file, or a Lease. Gives the stand-in of the Kubernetes API."""
    monkeypatch.setenv("PIPELINE_LOCK_FILE", str(tmp_path / "promotion.lock"))
    with api_server(tmp_path) as (cluster, kubeconfig):
        if request.param == "kubernetes":
            for name, value in {
                "KUBECONFIG": str(kubeconfig),
                "PIPELINE_ROLLOUT": "kubernetes",
                "PIPELINE_NAMESPACE": "ns",
                "PIPELINE_DEPLOYMENT": "api",
                "PIPELINE_LEASE": "promotion",
            }.items():
                monkeypatch.setenv(name, value)
        yield cluster


@contextmanager
def running(folder, *command):
    """A stage in a folder of its own; its output is in the file ``output``."""
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def said_in(folder, text, process):
    """Whether a process says this before it ends."""
    pause = threading.Event()
    for _ in range(PATIENCE * 10):
        ended = process.poll() is not None
        if text in " ".join((folder / "output").read_text().split()):
            return True
        if ended:
            return False
        pause.wait(0.1)
    return False


@pytest.fixture(scope="module")
def saved(tmp_path_factory, mlflow, keys):
    """Two folders of a project, each with a model that is better than the champion, ready for their last stage."""
    folder = tmp_path_factory.mktemp("saved")
    project = folder / "project"
    with saving(folder, mlflow.artifacts, tmp_path_factory.mktemp("copies")) as saved:
        with connected_project(project, mlflow.uri, keys.private):
            run_candidate(max_depth=1, eta=0.05)
            register.main()
            for run, depth in (("first", 3), ("second", 4)):
                run_candidate(max_depth=depth, eta=0.3)
                shutil.copytree(project, folder / run, symlinks=True)
    return saved


@pytest.fixture
def two_candidates(environment, connected, saved, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("runs")
    saved.restore(folder)
    monkeypatch.chdir(folder / "first")
    return folder / "first", folder / "second"


def test_the_second_of_two_is_judged_against_the_first(environment, two_candidates, registry, name):
    first, second = two_candidates
    with running(first, "pipelines.stages.register") as one, running(second, "pipelines.stages.register") as two:
        with promotion_lock(load_settings()):  # so that both are surely there at the same time
            assert said_in(first, "waiting for another promotion", one)
            assert said_in(second, "waiting for another promotion", two)
        assert [one.wait(PATIENCE), two.wait(PATIENCE)] == [0, 0]

    newest, older, oldest = registry.versions(name)
    assert older.tags["gate.compared_with"] == oldest.number == "1"
    assert older.tags["gate"] == "passed"
    assert newest.tags["gate.compared_with"] == older.number, "not with version 1, which was champion when it began"
    aliases = {alias: registry.version_of(name, alias) for alias in (CHAMPION, CHALLENGER, PREVIOUS)}
    if newest.tags["gate"] == "passed":
        assert aliases == {CHAMPION: newest.number, CHALLENGER: None, PREVIOUS: older.number}
    else:
        assert aliases == {CHAMPION: older.number, CHALLENGER: None, PREVIOUS: "1"}
    if "PIPELINE_LEASE" in os.environ:
        pods = environment.objects[DEPLOYMENT]["spec"]["template"]["metadata"]["annotations"]
        assert pods == {"espalier.dev/model-version": aliases[CHAMPION]}
        assert environment.objects[LEASE]["spec"]["holderIdentity"] == ""


def test_wait_that_gets_too_long_ends_with_a_code_of_its_own(environment, two_candidates, monkeypatch):
    monkeypatch.setenv("PIPELINE_LOCK_WAIT_SECONDS", "1")
    folder = two_candidates[0]

    with promotion_lock(load_settings()), running(folder, "pipelines.stages.register") as run:
        assert run.wait(PATIENCE) == 10
        assert said_in(folder, "another promotion is running", run)
