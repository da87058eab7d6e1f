"""dvc.yaml, params.yaml and the modules name the same stages and the same files."""

import ast
from pathlib import Path

import pytest
import yaml

from pipelines.config.params import PARAMS_FILE, Params, load_params
from pipelines.config.schema import SCHEMA_FILE, load_schema
from pipelines.dataset import files

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "pipelines/dvc.yaml").read_text())["stages"]


def names_of(entries):
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


NO_STAGES = {"tune"}
"""Blocks of params.yaml of commands that are no stages."""


def test_stage_has_module_and_parameters():
    blocks = {field.alias or name for name, field in Params.model_fields.items()} - NO_STAGES

    assert set(STAGES) == blocks
    for stage, entry in STAGES.items():
        assert entry["cmd"] == f"python -m pipelines.stages.{stage}"
        assert (ROOT / f"pipelines/stages/{stage}.py").exists()
        assert f"pipelines/stages/{stage}.py" in entry["deps"]


PACKAGES = {"bundle", *(str(path.parent.relative_to(ROOT)) for path in (ROOT / "pipelines").glob("*/__init__.py"))}
PACKAGES -= {"pipelines/stages"}
"""Listed as folders, so that a stage runs again after any change in them. Stages are listed one by one."""


def imported(path):
    """Yield the modules that a file imports, at the top or in a function, but not for types only."""
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def code_of(stage):
    """Return every file of the project that runs in a stage."""
    code, left = set(), [f"pipelines/stages/{stage}.py"]
    while left:
        name = left.pop()
        if name in code:
            continue
        code.add(name)
        for module in imported(ROOT / name):
            if module.startswith(("pipelines.", "bundle")):
                path = Path(*module.split("."))
                candidates = (path.with_suffix(".py"), path / "__init__.py")
                left += [str(path) for path in candidates if (ROOT / path).is_file()]
    return code


def named_code(stage):
    return {name for name in names_of(STAGES[stage]["deps"]) if name.endswith(".py") or name in PACKAGES}


@pytest.mark.parametrize("stage", STAGES)
def test_stage_depends_on_all_of_its_code(stage):
    """DVC runs a stage again only after a change of a listed file."""
    named = named_code(stage)
    code = {parent if (parent := str(Path(name).parent)) in PACKAGES else name for name in code_of(stage)}

    assert named == code, f"in dvc.yaml, {stage}: add {sorted(code - named)}, remove {sorted(named - code)}"


def test_files_between_stages_are_named_in_one_place():
    known = {str(value) for value in vars(files).values() if isinstance(value, Path)}
    outputs = {name for entry in STAGES.values() for name in names_of([*entry["outs"], *entry.get("metrics", [])])}

    assert outputs <= known
    for entry in STAGES.values():
        for name in names_of(entry["deps"]):
            assert name in outputs or name == "${fetch.pointer}" or (ROOT / name).exists(), name


@pytest.mark.parametrize("load", [lambda: load_params(ROOT / PARAMS_FILE), lambda: load_schema(ROOT / SCHEMA_FILE)])
def test_committed_files_are_valid(load):
    assert load()


def test_slices_and_features_are_columns():
    assert set(load_params(ROOT / PARAMS_FILE).evaluate.slices) <= set(load_schema(ROOT / SCHEMA_FILE).columns)


def test_current_pointer_is_committed():
    current = ROOT / load_params(ROOT / PARAMS_FILE).fetch.pointer

    assert current.is_symlink()
    assert current.resolve().suffix == ".dvc"
