"""What every package's tests may use: keys, a bundle of a real model, and a real MLflow server."""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from importlib.metadata import version as installed_version
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from bundle import (
    Bins,
    BundleMetrics,
    Contract,
    Feature,
    GateCheck,
    GateVerdict,
    Identity,
    Lineage,
    Reference,
    Target,
    load_private_key,
    sign_bundle,
    write_bundle,
    write_key_pair,
    write_manifest,
)
from bundle.golden_rows import GoldenRows
from espalier.local.mlflow_server import mlflow_server
from espalier.local.state import open_state
from pipelines.model.golden_rows import record_golden_rows
from tests.http_server import serving
from tests.small_models import SmallModel, make_model

pytest_plugins = ["tests.s3_server", "tests.small_project"]

SHA = "0" * 64

SHARED_MLFLOW = "TESTS_MLFLOW_STATE"
"""Variable with the folder of state whose MLflow many short runs of the tests share: a start takes ten seconds."""


@dataclass(frozen=True)
class KeyPair:
    private: Path
    public: Path


@dataclass(frozen=True)
class MlflowServer:
    uri: str
    artifacts: Path


def need_tool(name: str) -> str:
    """Return the path of a program; where it is missing skip, and fail in CI."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not on PATH: this test did not run"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def need() -> Callable[[str], str]:
    return need_tool


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return KeyPair(*write_key_pair(tmp_path_factory.mktemp("keys"), "model"))


@pytest.fixture(scope="session")
def other_keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return KeyPair(*write_key_pair(tmp_path_factory.mktemp("keys"), "other"))


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real tracking server; tests take names of their own in its registry. One that runs already may be named."""
    state = open_state(Path(os.environ.get(SHARED_MLFLOW) or tmp_path_factory.mktemp("platform")))
    with mlflow_server(state) as uri:
        yield MlflowServer(uri, state.mlflow / "artifacts")


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Every type of feature, null or not, and both policies for unknown categories."""
    return Contract(
        model_name="orchard",
        features=(
            Feature(name="height", type="float", unit="m", minimum=0, maximum=50, nullable=True, description="Height"),
            Feature(name="age", type="int", unit="a", minimum=0, maximum=300),
            Feature(name="grafted", type="bool"),
            Feature(name="kind", type="category", categories={"apple": 0, "pear": 1, "plum": 2}),
            Feature(
                name="soil",
                type="category",
                categories={"clay": 0, "loam": 1, "peat": 2, "sand": 3},
                nullable=True,
                unknown_category="missing",
            ),
        ),
        target=Target(name="bears", classes=("bare", "bearing"), threshold=0.5),
        example={"height": 3.5, "age": 12, "grafted": True, "kind": "pear", "soil": "loam"},
    )


@pytest.fixture(scope="session")
def matrix() -> np.ndarray:
    """(300, 5) encoded rows of the contract, missing values among them."""
    random = np.random.default_rng(7)
    rows = np.column_stack(
        [
            random.uniform(0, 20, 300),
            random.integers(0, 100, 300),
            random.integers(0, 2, 300),
            random.integers(0, 3, 300),
            random.integers(0, 4, 300),
        ]
    ).astype(np.float32)
    rows[random.random(300) < 0.1, 0] = np.nan
    rows[random.random(300) < 0.1, 4] = np.nan
    return rows


@pytest.fixture(scope="session")
def small_model(contract: Contract, matrix: np.ndarray, reference: Reference) -> Callable[[str], SmallModel]:
    """Make a model of one of ``small_models.TYPES``; the same one in every call."""
    return functools.cache(lambda kind: make_model(kind, contract, matrix, reference))


@pytest.fixture(scope="session")
def booster(small_model: Callable[[str], SmallModel]) -> xgb.Booster:
    return small_model("binary").booster


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference(
        features={
            "height": Bins(
                labels=("below 5", "5 to 10", "10 and above", "missing"),
                shares=(0.25, 0.25, 0.4, 0.1),
                edges=(5, 10),
                natural_psi=0.5,
                natural_missing_share=0.25,
            ),
            "age": Bins(labels=("below 50", "50 and above", "missing"), shares=(0.5, 0.5, 0), edges=(50,)),
            "grafted": Bins(labels=("false", "true", "missing"), shares=(0.5, 0.5, 0), edges=(0.5,)),
            "kind": Bins(labels=("apple", "pear", "plum", "missing"), shares=(0.3, 0.3, 0.4, 0)),
            "soil": Bins(labels=("clay", "loam", "other", "missing"), shares=(0.25, 0.25, 0.4, 0.1)),
        },
        score=Bins(labels=("below 0.5", "0.5 and above"), shares=(0.6, 0.4), edges=(0.5,), natural_psi=0.2),
        contributions={"height": 1.5, "age": 0.25, "grafted": 0.5, "kind": 0.5, "soil": 0.0},
        label_shares={"bare": 0.6, "bearing": 0.4},
    )


@pytest.fixture(scope="session")
def bundle_metrics(small_model: Callable[[str], SmallModel]) -> BundleMetrics:
    return small_model("binary").metrics


@pytest.fixture(scope="session")
def lineage() -> Lineage:
    return Lineage(
        run_id="0123456789abcdef",
        git_commit="abcdef0",
        data_md5="0" * 32,
        data_sha256=SHA,
        params_sha256=SHA,
        libraries={"xgboost-cpu": installed_version("xgboost-cpu")},
        created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        data_until=datetime(2025, 12, 31, 23, 0, tzinfo=UTC),
    )


@pytest.fixture(scope="session")
def verdict() -> GateVerdict:
    check = GateCheck(name="ROC AUC", found=0.8, wanted="at least 0.6", passed=True)
    return GateVerdict(passed=True, champion_version="6", checks=(check,))


@pytest.fixture(scope="session")
def golden_rows_of(small_model: Callable[[str], SmallModel]) -> Callable[[str], GoldenRows]:
    """Record the golden rows of one of ``small_models.TYPES``."""
    return functools.cache(lambda kind: record_golden_rows(small_model(kind).file, small_model(kind).contract))


@pytest.fixture(scope="session")
def golden_rows(golden_rows_of: Callable[[str], GoldenRows]) -> GoldenRows:
    return golden_rows_of("binary")


@pytest.fixture(scope="session")
def make_bundle(
    small_model: Callable[[str], SmallModel],
    golden_rows_of: Callable[[str], GoldenRows],
    lineage: Lineage,
    verdict: GateVerdict,
    keys: KeyPair,
) -> Callable[..., Path]:
    """Write the signed bundle of a small model into a folder: version 7 of orchard, with two classes by default."""

    def make(
        folder: Path,
        *,
        kind: str = "binary",
        name: str = "orchard",
        version: str = "7",
        sign_with: Path | None = keys.private,
        model: bytes | None = None,
        golden: GoldenRows | None = None,
        manifest_format: int = 3,
    ) -> Path:
        small = small_model(kind)
        write_bundle(
            folder,
            model=model if model is not None else small.file,
            contract=small.contract.model_copy(update={"model_name": name}),
            reference=small.reference,
            metrics=small.metrics,
            golden_rows=golden if golden is not None else golden_rows_of(kind),
        )
        write_manifest(folder, identity=Identity(name=name, version=version), verdict=verdict, lineage=lineage)
        if manifest_format == 2:
            _make_format_2(folder)
        if sign_with is not None:
            sign_bundle(folder, load_private_key(sign_with))
        return folder

    return make


def _make_format_2(folder: Path) -> None:
    """Remove what format 3 added."""
    (folder / "golden_rows.safetensors").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["golden_rows.safetensors"]
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))


@pytest.fixture
def answering() -> Iterator[Callable[..., str]]:
    """Start servers on loopback that answer by a function of the path: status, and bytes or what becomes JSON."""
    with ExitStack() as servers:

        def start(answer: Callable[[str], tuple[int, object]]) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    status, body = answer(self.path)
                    content = body if isinstance(body, bytes) else json.dumps(body).encode()
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

                do_POST = do_GET

                def log_message(self, *args: object) -> None:
                    pass

            return servers.enter_context(serving(Handler))

        yield start
