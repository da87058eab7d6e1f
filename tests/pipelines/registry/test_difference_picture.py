from pathlib import Path

import pytest

from pipelines.errors import InvalidParams
from pipelines.registry.difference import compare
from pipelines.registry.difference_picture import check_picture, draw_difference


@pytest.fixture
def difference(described):
    return compare(described("7"), described("8"))


def test_picture_names_versions_features_and_slices(difference, tmp_path):
    draw_difference(tmp_path / "difference.svg", difference)

    text = (tmp_path / "difference.svg").read_text()
    assert all(f"<!-- {name} -->" in text for name in ("height", "kind pear", "mean contribution", "log loss"))
    assert "<!-- orchard, version 7 and 8: the same model file -->" in text
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["difference.svg"]


@pytest.mark.parametrize("name", ["difference.png", "difference.svg"])
def test_same_versions_give_the_same_file(difference, tmp_path, name):
    first, second = tmp_path / name, tmp_path / f"again-{name}"

    for path in (first, second):
        draw_difference(path, difference)

    assert first.read_bytes() == second.read_bytes()


def test_versions_without_contributions_or_slices_have_a_picture(described, tmp_path):
    plain = described("7")
    parts = {
        "reference": plain.bundle.reference.model_copy(update={"contributions": None}),
        "metrics": plain.bundle.metrics.model_copy(update={"slices": ()}),
    }

    draw_difference(tmp_path / "difference.png", compare(described("8", **parts), described("9", **parts)))

    assert (tmp_path / "difference.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("path", "message"),
    [("difference.pdf", "ends in .png or .svg"), ("nowhere/difference.png", "there is no folder nowhere")],
)
def test_picture_that_cannot_be_written_is_refused_first(path, message):
    with pytest.raises(InvalidParams, match=message):
        check_picture(Path(path))
