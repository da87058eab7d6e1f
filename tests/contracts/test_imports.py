"""Dependencies go one way, imports are silent, and every module has its test."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(ROOT)
    for package in ("espalier", "pipelines", "services")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)

ALLOWED = {
    "espalier/bundle": {"espalier.bundle"},
    "espalier/local": {"espalier.bundle", "espalier.client", "espalier.local", "pipelines", "services"},
    "espalier/client.py": {"espalier.client"},
    "espalier/cluster": {"espalier.bundle", "espalier.cluster"},
    "espalier/load": {"espalier.load"},
    "espalier/cli": {"espalier", "pipelines", "services"},
    "pipelines": {"espalier.bundle", "pipelines"},
    "services": {"espalier.bundle", "services"},
}

TESTED_ELSEWHERE = {
    "espalier/bundle/errors.py": "test_reader.py",
    "espalier/bundle/layout.py": "test_reader.py and test_writer.py",
    "espalier/bundle/manifest.py": "test_writer.py",
    "espalier/bundle/metrics.py": "tests/pipelines/test_scores.py",
    "espalier/bundle/verdict.py": "test_writer.py and test_reader.py",
    "espalier/local/errors.py": "test_processes.py",
    "espalier/local/api_server.py": "tests/demo",
    "espalier/local/mlflow_server.py": "test_processes.py, and every test with a registry",
    "espalier/local/rehearsal.py": "tests/demo",
    "espalier/cluster/errors.py": "test_tools.py",
    "espalier/cli/cluster.py": "test_commands.py",
    "espalier/cli/output.py": "the commands' tests",
    "espalier/cli/client.py": "test_predict.py",
    "espalier/client.py": "tests/espalier/cli/test_predict.py",
    "espalier/cli/demo.py": "tests/demo",
    "espalier/cli/feedback.py": "test_predict.py",
    "espalier/cli/data.py": "test_commands.py",
    "espalier/cli/keys.py": "test_commands.py",
    "espalier/cli/main.py": "test_commands.py",
    "espalier/cli/models.py": "test_commands.py",
    "espalier/cli/serve.py": "tests/demo",
    "espalier/cli/token.py": "test_predict.py",
    "espalier/cli/train.py": "test_commands.py",
    "espalier/cli/users.py": "test_commands.py",
    "pipelines/errors.py": "test_stage.py",
    "pipelines/tracking.py": "test_registry.py",
    "services/api/__main__.py": "process/test_main.py",
    "services/api/arbiter.py": "test_draining.py",
    "services/api/dependencies.py": "test_app.py",
    "services/api/downloads.py": "test_registry.py and test_peers.py",
    "services/api/bundle_server.py": "test_peers.py",
    "services/api/internal_ports.py": "process/test_internal_ports.py",
    "services/api/internal_server.py": "process/test_workers.py and test_peers.py",
    "services/api/metrics_server.py": "process/test_workers.py",
    "services/api/prediction.py": "routes/test_predictions.py",
    "services/api/scopes.py": "test_users.py and test_app.py",
    "services/api/server.py": "process",
    "services/api/tracing.py": "process/test_traces.py",
    "services/api/worker.py": "process/test_workers.py",
}
"""Modules without a test file of their own name, and where they are tested instead."""


def imported(path):
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_dependencies_go_one_way(path):
    room = next(room for room in ALLOWED if str(path).startswith(room)) if path.parts[1:] != ("__init__.py",) else None
    for name in imported(path) if room else ():
        if name.split(".")[0] in ("espalier", "pipelines", "services"):
            assert any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[room]), name


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_module_has_its_test(path):
    expected = ROOT / "tests" / path.parent / f"test_{path.name}"

    if path.name != "__init__.py" and str(path) not in TESTED_ELSEWHERE:
        assert expected.exists(), f"{expected} is missing"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_modules_stay_small(path):
    assert len((ROOT / path).read_text().splitlines()) <= 300


def test_imports_have_no_side_effect(tmp_path):
    """In one clean interpreter: no file, no output, no change of the environment, no thread."""
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in MODULES]
    code = f"""
import importlib, os, threading
before = dict(os.environ)
for name in {names!r}:
    importlib.import_module(name)
changed = {{k for k in set(before) | set(os.environ) if before.get(k) != os.environ.get(k)}}
# Set by libraries when they are imported, not by us.
assert changed <= {{"KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "PYARROW_IGNORE_TIMEZONE", "SPARK_LOCAL_IP"}}, changed
assert threading.active_count() == 1, threading.enumerate()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert [entry for entry in tmp_path.iterdir() if not entry.name.startswith(".")] == []


def test_api_side_needs_neither_dvc_nor_pandera():
    code = "import services.api.app, services.api.server, sys; print({'dvc', 'pandera'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "set()"


def test_no_pickle_in_what_serves():
    for path in [*(ROOT / "services").rglob("*.py"), *(ROOT / "espalier/bundle").rglob("*.py")]:
        assert not {"pickle", "cloudpickle", "joblib"} & set(imported(path.relative_to(ROOT))), path
