"""A small project in a folder of its own: its table, its two files, its remote."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import BaseModel

from bundle import Target
from pipelines.config.params import Params, load_params
from pipelines.config.schema import Schema, load_schema
from pipelines.config.settings import Settings, load_settings
from pipelines.dataset.pointer import hash_file
from pipelines.registry.versions import Registry
from pipelines.stages import evaluate, fetch, prepare, train, validate
from pipelines.targets.binary import Binary
from pipelines.targets.project import Project, combine, load_project
from tests.projects.tables import FOLDER

ROOT = Path(__file__).parents[1]
CODE_ALONE = shutil.ignore_patterns("__pycache__", "data", "work", "dvc.lock", "*.yaml")

PARAMS = """
fetch: {pointer: pipelines/data/current.yaml}
validate: {min_rows: 10, max_reported: 3}
prepare: {test_share: 0.3}
train: {seed: 1, rounds: 15, threads: 1, booster: {max_depth: 3, eta: 0.3}}
evaluate: {threshold: 0.4, slices: [kind], time_slice: month, min_slice_rows: 5, bins: 4, category_bins: 2}
register:
  model_name: MODEL_NAME
  description: Whether a tree will bear
  gate: {min_roc_auc: 0.6, beat_base_rate: true, compare_by: log_loss, min_improvement: 0.0}
"""

SCHEMA = """
target: {name: bears, description: Bears fruit, classes: [bare, bearing]}
time: {name: seen}
identifiers: [{name: tag}]
features:
  - {name: height, type: float, unit: m, minimum: 0, maximum: 50, nullable: true}
  - {name: age, type: int, minimum: 0, maximum: 300}
  - {name: grafted, type: bool}
  - {name: kind, type: category, categories: [apple, pear, plum, quince]}
  - {name: soil, type: category, nullable: true, unknown_category: missing}
"""

CONFIG = """
[core]
    remote = local
    no_scm = true
    analytics = false
    check_update = false
['remote "local"']
    url = ../remote
"""


def make_table(rows: int = 600, seed: int = 3, every: str = "7h") -> pd.DataFrame:
    """Rows whose target follows from the features, with noise and gaps, one after ``every`` time."""
    random = np.random.default_rng(seed)
    height = random.uniform(0, 20, rows).round(2)
    grafted = random.integers(0, 2, rows)
    kind = random.choice(["apple", "pear", "plum"], rows)
    bears = height + 6 * grafted + 4 * (kind == "pear") + random.normal(0, 3, rows) > 13
    table = pd.DataFrame(
        {
            "seen": pd.date_range("2025-01-01", periods=rows, freq=every).strftime("%Y-%m-%dT%H:%M:%S"),
            "tag": [f"T{number}" for number in range(rows)],
            "height": height,
            "age": random.integers(0, 90, rows),
            "grafted": grafted,
            "kind": kind,
            "soil": random.choice(np.array(["clay", "loam", "peat", "sand", None], dtype=object), rows),
            "bears": pd.Series(bears).astype("Int64"),
        }
    )
    table.loc[random.random(rows) < 0.1, "height"] = np.nan
    table.loc[random.random(rows) < 0.05, "bears"] = pd.NA
    return table


def project_of(schema: Schema, params: Params | None = None, **blocks: BaseModel) -> Project:
    """Return columns with the parameters of the small project, or with blocks of one's own, unchecked."""
    params = params or Params.model_validate(yaml.safe_load(PARAMS.replace("MODEL_NAME", "trees")))
    return Project(schema, params.model_copy(update=blocks))


def binary(threshold: float = 0.5) -> Binary:
    """Return the task of the small project."""
    return Binary(Target(name="bears", classes=("bare", "bearing"), threshold=threshold))


def own_name(name: str) -> str:
    """Return a name that no other test has, in a registry that they share."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


def use_project(name: str) -> None:
    """Put the two files of a project of examples/ in the place of the present ones."""
    for file in ("schema.yaml", "params.yaml"):
        text = (FOLDER / name / "pipelines" / file).read_text(encoding="utf-8")
        text = re.sub(r"model_name: (\S+)", lambda found: f"model_name: {own_name(found[1])}", text)
        Path("pipelines", file).write_text(text, encoding="utf-8")


def edit_params(old: str, new: str) -> None:
    """Change a part of params.yaml, as a person does: DVC runs what depends on it again."""
    path = Path("pipelines/params.yaml")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def write_data(table: pd.DataFrame, name: str = "trees.csv") -> Path:
    """Write a table and the pointer that ``dvc add`` would make, and link it as the current one."""
    path = Path("pipelines/data") / name
    table.to_csv(path, index=False)
    md5, _ = hash_file(path)
    text = f"outs:\n- md5: {md5}\n  size: {path.stat().st_size}\n  hash: md5\n  path: {name}\n"
    pointer = path.with_name(f"{name}.dvc")
    pointer.write_text(text)
    current = Path("pipelines/data/current.yaml")
    current.unlink(missing_ok=True)
    current.symlink_to(pointer.name)
    return path


@pytest.fixture
def table() -> pd.DataFrame:
    return make_table()


def create_project(folder: Path) -> None:
    """Write the two files of the small project, the configuration of DVC, and the code into a folder."""
    for part in ("pipelines/data", ".dvc"):
        (folder / part).mkdir(parents=True)
    (folder / "pipelines/params.yaml").write_text(PARAMS.replace("MODEL_NAME", own_name("trees")))
    (folder / "pipelines/schema.yaml").write_text(SCHEMA)
    (folder / ".dvc/config").write_text(CONFIG)
    shutil.copy(ROOT / "pipelines/dvc.yaml", folder / "pipelines/dvc.yaml")
    # The stages depend on their code by path; what runs is the installed package.
    for package in ("bundle", "pipelines"):
        shutil.copytree(ROOT / package, folder / package, ignore=CODE_ALONE, dirs_exist_ok=True)
    shutil.copy(ROOT / ".dvcignore", folder / ".dvcignore")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project that is the current folder."""
    monkeypatch.chdir(tmp_path)
    create_project(tmp_path)
    return tmp_path


@pytest.fixture
def save() -> Callable[[pd.DataFrame], Path]:
    return write_data


@pytest.fixture
def make() -> Callable[..., pd.DataFrame]:
    return make_table


@pytest.fixture
def params(project: Path) -> Params:
    return load_params()


@pytest.fixture
def schema(project: Path) -> Schema:
    return load_schema()


@pytest.fixture
def whole(project: Path) -> Project:
    """Columns and parameters together."""
    return load_project()


@pytest.fixture
def with_params(whole: Project) -> Callable[..., Project]:
    """Return a function that gives the project with other values of blocks of params.yaml."""

    def change(**blocks: dict[str, object]) -> Project:
        params = whole.params
        for name, values in blocks.items():
            field = f"{name}_" if name in ("register", "validate") else name
            block = getattr(params, field)
            params = params.model_copy(update={field: block.model_copy(update=values)})
        return combine(params, whole.schema)

    return change


@pytest.fixture
def settings(project: Path) -> Settings:
    return Settings(remote_retries=0, mlflow_retries=0)


def push_data(table: pd.DataFrame) -> Path:
    """Put a table on the remote, and leave it there only; return where it was."""
    from pipelines.dataset.pointer import load_pointer
    from pipelines.dataset.remote import Remote

    path = write_data(table)
    remote, pointer = Remote(load_settings()), load_pointer(Path("pipelines/data/current.yaml"))
    remote.push(pointer, path)
    remote.forget(pointer)
    path.unlink()
    return path


@pytest.fixture
def pushed(project: Path, settings: Settings, table: pd.DataFrame) -> Path:
    """The table on the remote, and gone from here."""
    return push_data(table)


def connect(monkeypatch: pytest.MonkeyPatch, mlflow_uri: str, signing_key: Path) -> None:
    """Set the environment of a stage: a real MLflow, a signing key, and the stages' Python."""
    monkeypatch.setenv("PIPELINE_MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("PIPELINE_SIGNING_KEY_FILE", str(signing_key))
    monkeypatch.setenv("PIPELINE_GIT_COMMIT", "c0ffee")
    monkeypatch.setenv("PIPELINE_MLFLOW_RETRIES", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def connected(project: Path, mlflow, keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a stage."""
    connect(monkeypatch, mlflow.uri, keys.private)


@contextmanager
def connected_project(folder: Path, mlflow_uri: str, signing_key: Path) -> Iterator[None]:
    """Be in a new project with its table on the remote, as the fixtures make it: for fixtures of a whole module."""
    with pytest.MonkeyPatch.context() as patch:
        create_project(folder)
        patch.chdir(folder)
        connect(patch, mlflow_uri, signing_key)
        push_data(make_table())
        yield


@pytest.fixture
def registry(connected) -> Registry:
    return Registry(load_settings())


@pytest.fixture
def name(params: Params) -> str:
    return params.register_.model_name


def run_candidate(table: pd.DataFrame | None = None, **booster: float) -> None:
    """Run every stage up to register, in this process, with a table and parameters of one's own."""
    from pipelines.dataset.pointer import load_pointer
    from pipelines.dataset.remote import Remote

    if table is not None:
        path = write_data(table)
        Remote(load_settings()).push(load_pointer(Path("pipelines/data/current.yaml")), path)
    if booster:
        path = Path("pipelines/params.yaml")
        text = ", ".join(f"{key}: {value}" for key, value in booster.items())
        path.write_text(re.sub(r"booster: \{.*?\}", f"booster: {{{text}}}", path.read_text()))
    for stage in (fetch, validate, prepare, train, evaluate):
        stage.main()


@pytest.fixture
def candidate(pushed: Path, connected) -> Callable[..., None]:
    """Return the function that runs every stage up to register."""
    return run_candidate
