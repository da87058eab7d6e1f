"""A training run that is killed with SIGKILL at a write, in any stage, and repeated ends like one that was left alone.

Every process of the run is killed: before a file is opened, with half of it written, before a request that changes
something in MLflow, or when the request is done and its answer is not read. Each run continues what the killed one
left.
`make test-kills` does it at every such moment, `make coverage` at five.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient

from bundle.vocabulary import CHAMPION
from pipelines.config.params import load_params
from pipelines.dataset.files import MODEL, REGISTER_JSON, RUN_JSON, WORK, read_json
from tests.small_project import own_name

HOOK = Path(__file__).parent / "kill_hook"
RUN = "import sys; from pipelines.runner.run import run_pipeline; run_pipeline({}, until=sys.argv[1])"
STAGES = ["fetch", "validate", "prepare", "train", "evaluate", "register"]
EVERY = os.environ.get("ESPALIER_TEST_EVERY_KILL") == "1"
EXAMPLES = {"dvc": 1, "train": 1, "evaluate": 1, "register": 2}
"""How many moments the fast test takes of each process."""

NAME_IN_CACHE = re.compile(r"(?<=/)[0-9a-f]{2}/\S+?(\.tmp)?(?= |$)")
UPLOAD = re.compile(r"(?<=^bundle/)[0-9a-f]{32}/")

NEVER = -1


@dataclass(frozen=True)
class End:
    """What a run leaves in the end."""

    model: bytes
    files: set[str]
    champion: str | None
    versions: list[str]
    finished: list[str]
    artifacts: list[str]
    """Of the finished run. Each upload of the bundle has its own folder: the same file twice means one was left."""

    leftovers: list[str]
    """Runs that are not ended, and killed runs with artifacts."""


@pytest.fixture
def start(pushed, connected, tmp_path_factory):
    """A function that runs the stages up to one; it returns if the run was killed, and the moments of each process."""

    def run(until, *, kill_in="", kill_at=NEVER):
        log = tmp_path_factory.mktemp("moments") / "log"
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(HOOK), os.environ["PYTHONPATH"]]),
            "PIPELINE_CHECKPOINT_SECONDS": "1e-9",  # after every round
            "TEST_KILL_IN": kill_in,
            "TEST_KILL_AT": str(kill_at),
            "TEST_KILL_LOG": str(log),
        }
        done = subprocess.run(
            [sys.executable, "-c", RUN, "" if until == STAGES[-1] else until],
            env=environment,
            start_new_session=True,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode in (0, -signal.SIGKILL), f"{kill_in} {kill_at}: {done.stdout}{done.stderr}"
        moments = defaultdict(list)
        for line in log.read_text().splitlines() if log.exists() else []:
            moments[line.split()[0]].append(line)
        return done.returncode != 0, moments

    return run


def begin_again():
    """Forget what was run, and take another name in the registry."""
    params = Path("pipelines/params.yaml")
    params.write_text(params.read_text().replace(load_params().register_.model_name, own_name("trees")))
    for folder in (WORK, Path(".dvc/cache"), Path(".dvc/tmp")):
        shutil.rmtree(folder, ignore_errors=True)
    Path("pipelines/dvc.lock").unlink()


def end(registry, uri):
    name, client = load_params().register_.model_name, MlflowClient(uri)
    experiment = client.get_experiment_by_name(name)
    runs = {run.info.run_id: run.info.status for run in client.search_runs([experiment.experiment_id])}
    run_id, version = (
        read_json(path, stage="register")[key] for path, key in ((RUN_JSON, "run_id"), (REGISTER_JSON, "version"))
    )
    assert run_id in runs and version == "1"
    return End(
        MODEL.read_bytes(),
        {path.relative_to(WORK).as_posix() for path in WORK.rglob("*")},
        registry.version_of(name, CHAMPION),
        [each.number for each in registry.versions(name)],
        [status for each, status in runs.items() if each == run_id],
        sorted(UPLOAD.sub("", path) for path in artifacts(client, run_id)),
        [each for each, status in runs.items() if status == "RUNNING" or (each != run_id and artifacts(client, each))],
    )


def artifacts(client, run_id, folder=None):
    found = set()
    for each in client.list_artifacts(run_id, folder):
        found |= artifacts(client, run_id, each.path) if each.is_dir else {each.path}
    return found


def chosen(kind, moments):
    """Return the numbers of the moments to be killed at."""
    if not EVERY:
        parts = EXAMPLES.get(kind, 0) + 1
        return [len(moments) * part // parts for part in range(1, parts)]
    if kind != "dvc":
        return range(1, len(moments) + 1)
    # DVC writes the same files for every stage, and each file of its cache in the same way: one of each is enough.
    first = {}
    for number, moment in enumerate(moments, start=1):
        first.setdefault(NAME_IN_CACHE.sub(r"*\1", moment.split(maxsplit=2)[2]), number)
    return list(first.values())


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [["dvc"], STAGES], ids=["dvc", "stages"])
def test_killed_and_repeated_run_ends_like_one_that_was_left_alone(start, registry, mlflow, kinds):
    killed, moments = start(STAGES[-1])
    assert not killed and set(moments) == {"dvc", *STAGES}
    left_alone = end(registry, mlflow.uri)
    assert left_alone.champion == "1" and left_alone.versions == ["1"] and left_alone.finished == ["FINISHED"]
    begin_again()

    kills = 0
    for kind in kinds:
        for moment in chosen(kind, moments[kind]):
            killed, _ = start(STAGES[-1] if kind == "dvc" else kind, kill_in=kind, kill_at=moment)
            kills += killed
    assert kills > 0
    assert start(STAGES[-1])[0] is False

    sys.stderr.write(f"{kills} kills in {', '.join(kinds)}\n")
    assert end(registry, mlflow.uri) == left_alone
