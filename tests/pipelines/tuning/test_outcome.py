import difflib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipelines.config.train_params import EarlyStopping
from pipelines.errors import InvalidParams
from pipelines.tuning.outcome import as_yaml, change_params, changes_of, write_outcome
from tests.small_project import ROOT

CHANGES = {"rounds": 143, "booster": {"eta": 0.0123, "reg_lambda": 2.5}}


@pytest.fixture
def tuner(tuner_of):
    tuner = tuner_of()
    tuner.run(3, None, lambda _note="": None)
    return tuner


def test_only_the_named_values_of_the_file_change(tmp_path):
    path = tmp_path / "params.yaml"
    before = (ROOT / "pipelines/params.yaml").read_text()
    path.write_text(before)

    change_params(CHANGES, path)

    changed = [line for line in difflib.ndiff(before.splitlines(), path.read_text().splitlines()) if line[0] in "+-"]
    assert [line.split("#")[0].split() for line in changed] == [
        ["-", "rounds:", "200"],
        ["+", "rounds:", "143"],
        ["-", "eta:", "0.05"],
        ["+", "eta:", "0.0123"],
        ["+", "reg_lambda:", "2.5"],
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]


def test_file_that_would_be_invalid_is_not_written(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "pipelines/params.yaml").read_text())
    before = path.read_bytes()

    with pytest.raises(InvalidParams):
        change_params({"rounds": 0, "booster": {}}, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]


def test_rounds_are_a_change_only_without_early_stopping(tuner):
    best, project = tuner.best(), tuner.project
    own = EarlyStopping(rounds=3, validation_share=0.4)
    early = project.params.model_copy(update={"train": project.params.train.model_copy(update={"early_stopping": own})})

    assert changes_of(best, project)["rounds"] == best.user_attrs["rounds"]
    assert "rounds" not in changes_of(best, replace(project, params=early))
    assert changes_of(best, project)["booster"]["eta"] == pytest.approx(best.params["eta"], rel=1e-3)


def test_yaml_is_a_block_of_the_file():
    assert yaml.safe_load(as_yaml(CHANGES)) == {"train": CHANGES}
    assert as_yaml(CHANGES).startswith("train:\n  rounds: 143\n  booster:\n    eta: 0.0123\n")


def test_outcome_has_a_row_for_every_trial_and_a_picture(tuner, tmp_path):
    write_outcome(tmp_path / "out", tuner.study, CHANGES, present=tuner.present().value, loss="log loss")

    table = json.loads((tmp_path / "out/trials.json").read_text())
    assert table["columns"] == ["trial", "state", "log loss", "rounds", "seconds", "eta", "grow_policy", "max_depth"]
    assert [row[0] for row in table["data"]] == [0, 1, 2]
    assert (tmp_path / "out/history.png").read_bytes().startswith(b"\x89PNG")
    assert yaml.safe_load((tmp_path / "out/best.yaml").read_text()) == {"train": CHANGES}
    write_outcome(tmp_path / "none", tuner.study, None, present=0.0, loss="log loss")
    assert not Path(tmp_path / "none/best.yaml").exists()
