from pathlib import Path

import pytest

from pipelines.errors import InvalidParams
from pipelines.params import hash_of_files, load_params


def test_every_stage_has_its_block(params):
    assert params.train.rounds == 15
    assert params.validate_.max_reported == 3
    assert params.register_.gate.min_roc_auc == 0.6


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rounds: 15", "rounds: none", r"train\.rounds"),
        ("rounds: 15", "rounds: 15, trees: 3", r"train\.trees"),
        ("test_share: 0.3", "test_share: 0.3, test_from: 2025-02-01", "exactly one"),
        ("test_share: 0.3", "", "exactly one"),
        ("compare_by: log_loss", "compare_by: luck", r"register\.gate\.compare_by"),
    ],
)
def test_wrong_value_names_file_and_key(project, old, new, said):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(InvalidParams, match=said) as caught:
        load_params()

    assert "pipelines/params.yaml" in str(caught.value)


def test_missing_file_is_said(project):
    Path("pipelines/params.yaml").unlink()

    with pytest.raises(InvalidParams, match="cannot read"):
        load_params()


def test_file_that_is_not_yaml_is_said(project):
    Path("pipelines/params.yaml").write_text("a: [")

    with pytest.raises(InvalidParams, match="not YAML"):
        load_params()


def test_hash_knows_where_one_file_ends(tmp_path):
    for name, text in (("a", "12"), ("b", "3"), ("c", "1"), ("d", "23")):
        (tmp_path / name).write_text(text)

    assert hash_of_files(tmp_path / "a", tmp_path / "b") != hash_of_files(tmp_path / "c", tmp_path / "d")
