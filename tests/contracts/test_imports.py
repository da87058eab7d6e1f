"""Imports have no side effects, modules are small, each has a test. import-linter checks directions (`make lint`)."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(ROOT)
    for package in ("bundle", "espalier", "evaluation", "pipelines", "services")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)

TESTED_ELSEWHERE = {
    "bundle/errors.py": "bundle/test_reader.py",
    "bundle/layout.py": "bundle/test_reader.py",
    "bundle/manifest.py": "bundle/test_writer.py",
    "bundle/metrics.py": "pipelines/targets/test_binary.py",
    "bundle/verdict.py": "bundle/test_writer.py",
    "bundle/vocabulary.py": "pipelines/promotion/test_promote.py",
    "evaluation/columns.py": "services/api/prediction/columnar/test_columns.py",
    "espalier/local/errors.py": "espalier/local/test_processes.py",
    "espalier/local/api_server.py": "demo/test_demo.py",
    "espalier/local/mlflow_server.py": "conftest.py",
    "espalier/cluster/errors.py": "espalier/cluster/test_tools.py",
    "espalier/cli/cluster.py": "espalier/cli/test_commands.py",
    "espalier/cli/output.py": "espalier/cli/test_commands.py",
    "espalier/cli/tables/batch.py": "espalier/cli/tables/test_opening.py",
    "espalier/client/results.py": "espalier/client/test_synchronous.py",
    "espalier/cli/demo.py": "demo/test_demo.py",
    "espalier/cli/described.py": "espalier/cli/test_commands.py",
    "espalier/cli/data.py": "espalier/cli/test_commands.py",
    "espalier/cli/keys.py": "espalier/cli/test_commands.py",
    "espalier/cli/main.py": "espalier/cli/test_commands.py",
    "espalier/cli/models.py": "espalier/cli/test_commands.py",
    "espalier/cli/serve.py": "demo/test_demo.py",
    "espalier/cli/token.py": "espalier/cli/test_predict.py",
    "espalier/cli/train.py": "espalier/cli/test_commands.py",
    "services/api/http/passwords.py": "services/api/http/routes/test_passwords.py",
    "pipelines/scoring/places.py": "pipelines/scoring/test_partitions.py",
    "pipelines/scoring/tables.py": "pipelines/scoring/test_score.py",
    "pipelines/scoring/record.py": "pipelines/scoring/test_run.py",
    "pipelines/scoring/s3_files.py": "pipelines/scoring/test_s3.py",
    "pipelines/dataset/cell_problems.py": "pipelines/dataset/test_table_check.py",
    "pipelines/dataset/csv_table.py": "pipelines/dataset/test_tables.py",
    "pipelines/dataset/parquet_table.py": "pipelines/dataset/test_tables.py",
    "pipelines/dataset/row_hashes.py": "pipelines/dataset/test_hash_split.py",
    "pipelines/dataset/sides.py": "pipelines/stages/test_prepare.py",
    "pipelines/dataset/table.py": "pipelines/dataset/test_tables.py",
    "pipelines/dataset/whole_file.py": "pipelines/dataset/test_rows.py",
    "pipelines/dataset/time_split.py": "pipelines/stages/test_prepare.py",
    "pipelines/config/train_params.py": "pipelines/config/test_params.py",
    "pipelines/config/tune_params.py": "pipelines/config/test_params.py",
    "pipelines/config/values.py": "pipelines/config/test_params.py",
    "espalier/cli/chosen_model.py": "espalier/cli/test_score.py",
    "pipelines/new_project/checks.py": "pipelines/new_project/test_draft.py",
    "pipelines/new_project/params_text.py": "pipelines/new_project/test_draft.py",
    "pipelines/new_project/schema_text.py": "pipelines/new_project/test_draft.py",
    "pipelines/data_report/charts.py": "pipelines/data_report/test_report.py",
    "pipelines/data_report/drift.py": "pipelines/data_report/test_report.py",
    "pipelines/data_report/page.py": "pipelines/data_report/test_report.py",
    "pipelines/data_report/profile.py": "pipelines/data_report/test_report.py",
    "pipelines/dask_engine/pieces.py": "pipelines/dask_engine/test_train.py",
    "pipelines/dask_engine/reports.py": "pipelines/dask_engine/test_train.py",
    "pipelines/console.py": "pipelines/stages/test_process.py",
    "pipelines/model/measure.py": "pipelines/stages/test_evaluate.py",
    "pipelines/model/trained.py": "pipelines/stages/test_evaluate.py",
    "pipelines/targets/task.py": "pipelines/targets/test_of_type.py",
    "pipelines/registry/tracking.py": "pipelines/registry/test_versions.py",
    "services/api/setting_types.py": "services/api/test_settings.py",
    "services/api/__main__.py": "services/api/server_process/test_main.py",
    "services/api/serve.py": "services/api/server_process/test_main.py",
    "services/api/process/arbiter.py": "services/api/test_draining.py",
    "services/api/http/dependencies.py": "services/api/test_app.py",
    "services/api/model/requested.py": "services/api/model/test_source.py",
    "services/api/model/downloads.py": "services/api/model/test_mlflow_registry.py",
    "services/api/internal/bundle_server.py": "services/api/model/test_peers.py",
    "services/api/internal/ports.py": "services/api/server_process/test_internal_ports.py",
    "services/api/internal/server.py": "services/api/server_process/test_workers.py",
    "services/api/internal/metrics_server.py": "services/api/server_process/test_workers.py",
    "services/api/prediction/targets/target.py": "services/api/prediction/targets/test_chosen.py",
    "services/api/prediction/predict.py": "services/api/http/routes/test_predictions.py",
    "services/api/auth/scopes.py": "services/api/auth/test_users.py",
    "services/api/auth/accounts.py": "services/api/auth/test_users.py",
    "services/api/database/tables.py": "services/api/database/test_engine.py",
    "services/api/process/listen.py": "services/api/test_startup.py",
    "services/api/process/refusals.py": "services/api/process/test_http_protocol.py",
}
"""Modules without a test file of the same name, and where under tests/ they are tested instead."""


@cache
def imported(path):
    """Return the modules that a file imports, or names in a string as gunicorn's worker class is."""
    modules = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and str(node.value).startswith("services.api."):
            modules.add(node.value.rpartition(".")[0])
    return modules


def reached(*paths):
    """Every file of the project that these files import, directly or through others."""
    files, left = set(), list(paths)
    while left:
        path = left.pop()
        if path in files:
            continue
        files.add(path)
        for module in imported(path):
            place = Path(*module.split("."))
            left += [file for file in (place.with_suffix(".py"), place / "__init__.py") if (ROOT / file).is_file()]
    return files


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_has_a_test(path):
    own = path.parent / f"test_{path.name}"
    expected = TESTED_ELSEWHERE.get(str(path), str(own))

    if path.name != "__init__.py":
        assert (ROOT / "tests" / expected).exists(), f"tests/{expected} is missing"


def test_tested_elsewhere_lists_no_module_with_a_test():
    named = {Path(path) for path in TESTED_ELSEWHERE}
    with_a_test = {path for path in MODULES if (ROOT / "tests" / path.parent / f"test_{path.name}").exists()}

    assert named <= set(MODULES)
    assert named & with_a_test == set()


@pytest.mark.parametrize(("module", "test"), TESTED_ELSEWHERE.items())
def test_other_test_imports_the_module(module, test):
    """Directly, through others, or through a conftest.py of its folders. The demo is started as a command."""
    path = Path("tests", test)
    folders = [
        folder for folder in path.parents if len(folder.parts) > 1
    ]  # tests/conftest.py reaches nearly everything
    fixtures = [folder / "conftest.py" for folder in folders if (ROOT / folder / "conftest.py").exists()]
    command = [Path("espalier/cli/main.py")] if path.parts[1] == "demo" else []

    assert Path(module) in reached(path, *fixtures, *command)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_module_is_small(path):
    assert len((ROOT / path).read_text().splitlines()) <= 300


def test_imports_have_no_side_effect(tmp_path):
    """In a new interpreter: no file, no output, no change of the environment, no thread."""
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in MODULES]
    code = f"""
import importlib, os, threading
before = dict(os.environ)
for name in {names!r}:
    importlib.import_module(name)
changed = {{k for k in set(before) | set(os.environ) if before.get(k) != os.environ.get(k)}}
# Libraries set these when they are imported.
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
    code = "import services.api.app, services.api.process.server, sys; print({'dvc', 'pandera'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.strip() == "set()"


def test_no_pickle_in_what_serves():
    served = ("services", "evaluation", "bundle")
    for path in [path for package in served for path in (ROOT / package).rglob("*.py")]:
        assert not {"pickle", "cloudpickle", "joblib"} & set(imported(path.relative_to(ROOT))), path
