"""dvc.yaml, params.yaml and the modules name the same stages and the same files."""

from pathlib import Path

import pytest
import yaml

from pipelines import files
from pipelines.params import PARAMS_FILE, Params, load_params
from pipelines.schema import SCHEMA_FILE, load_schema

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "pipelines/dvc.yaml").read_text())["stages"]


def names_of(entries):
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def test_stage_is_module_is_block_of_parameters():
    blocks = {field.alias or name for name, field in Params.model_fields.items()}

    assert set(STAGES) == blocks
    for stage, entry in STAGES.items():
        assert entry["cmd"] == f"python -m pipelines.{stage}"
        assert (ROOT / f"pipelines/{stage}.py").exists()
        assert f"pipelines/{stage}.py" in entry["deps"]


def test_every_file_between_stages_has_one_name():
    known = {str(value) for value in vars(files).values() if isinstance(value, Path)}
    made = {name for entry in STAGES.values() for name in names_of([*entry["outs"], *entry.get("metrics", [])])}

    assert made <= known
    for entry in STAGES.values():
        for name in names_of(entry["deps"]):
            assert name in made or name == "${fetch.pointer}" or (ROOT / name).exists(), name


@pytest.mark.parametrize("load", [lambda: load_params(ROOT / PARAMS_FILE), lambda: load_schema(ROOT / SCHEMA_FILE)])
def test_committed_files_are_valid(load):
    assert load()


def test_slices_and_features_are_columns():
    assert set(load_params(ROOT / PARAMS_FILE).evaluate.slices) <= set(load_schema(ROOT / SCHEMA_FILE).columns)


def test_current_pointer_is_a_committed_one():
    current = ROOT / load_params(ROOT / PARAMS_FILE).fetch.pointer

    assert current.is_symlink()
    assert current.resolve().suffix == ".dvc"
