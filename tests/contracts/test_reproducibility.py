"""The same data, parameters and versions give the same bundle, byte for byte, but for its number, its run and its time.

docs/reproducibility.md says so, and what is not promised.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bundle.layout import ALL_FILES, DIGESTED_FILES, GOLDEN_ROWS, MANIFEST, SIGNATURE
from pipelines.config.settings import load_settings
from pipelines.dataset.pointer import load_pointer
from pipelines.dataset.remote import Remote
from pipelines.registry.versions import Registry
from tests.small_project import ROOT, make_table, write_data

ROWS = 6000
"""More than XGBoost sums up in one block, so that several threads share the work."""

RUN = """
from pipelines.stages import evaluate, fetch, prepare, register, train, validate
for stage in (fetch, validate, prepare, train, evaluate, register):
    stage.main()
"""

HERE = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1", "TZ": "UTC", "LANG": "C", "LC_ALL": "C"}
THERE = {
    "OMP_NUM_THREADS": "4",
    "PYTHONHASHSEED": "77",
    "TZ": "Asia/Kathmandu",
    "LANG": "de_DE.UTF-8",
    "LC_ALL": "C.UTF-8",
}
"""As on another machine: other threads, hashes, time zone, language, and another folder."""

OF_THIS_RUN = {("lineage", "run_id"), ("lineage", "created")}
"""Fields of the manifest that differ: the MLflow run, and when the version was registered."""


def train_in(folder: Path, environment: dict[str, str]) -> Path:
    """Run every stage in a copy of the project, and return the bundle."""
    shutil.copytree(Path.cwd(), folder, symlinks=True)
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return folder / "pipelines/work/bundle"


def forget(registry: Registry, name: str) -> None:
    """Delete the model, so that the same work gets the number 1 again."""
    registry._client.delete_registered_model(name)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def bundles(project, connected, registry, name, tmp_path_factory):
    """The bundles of two runs of the same work."""
    params = Path("pipelines/params.yaml")
    params.write_text(params.read_text().replace("threads: 1", "threads: 0").replace("max_depth: 3", "max_depth: 6"))
    table = write_data(make_table(ROWS, every="1h"))
    Remote(load_settings()).push(load_pointer(Path("pipelines/data/current.yaml")), table)
    outside = tmp_path_factory.mktemp("elsewhere")
    remote = Path("remote").resolve()
    found = []
    for place, environment in ((outside / "a", HERE), (outside / "a/longer/path", THERE)):
        place.parent.mkdir(parents=True, exist_ok=True)
        found.append(train_in(place, {**environment, "PIPELINE_REMOTE_URL": str(remote)}))
        forget(registry, name)
    return found


def test_two_runs_give_the_same_bundle(bundles):
    first, second = bundles

    assert {name: digest(first / name) for name in (*DIGESTED_FILES, GOLDEN_ROWS)} == {
        name: digest(second / name) for name in (*DIGESTED_FILES, GOLDEN_ROWS)
    }
    assert {name for name in ALL_FILES if digest(first / name) != digest(second / name)} == {MANIFEST, SIGNATURE}
    manifests = [json.loads((folder / MANIFEST).read_text()) for folder in bundles]
    assert set(differing(*manifests)) == OF_THIS_RUN


def differing(first: object, second: object, where: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return where two JSON texts differ."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return [] if first == second else [where]
    return [
        place
        for name in first.keys() | second.keys()
        for place in differing(first.get(name), second.get(name), (*where, name))
    ]
