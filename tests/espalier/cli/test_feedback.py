"""feedback against an API of one's own making, with what predict printed."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("this_api")


@pytest.fixture(params=["shown", "written"])
def answer(run, token, contract, tmp_path, request):
    """What predict printed of three rows."""
    (tmp_path / "rows.json").write_text(json.dumps([contract.example] * 3))
    where = ["--output", str(tmp_path / "scores.csv")] if request.param == "written" else []
    printed = run("predict", str(tmp_path / "rows.json"), "--token", token, "--json", *where)[1]
    (tmp_path / "answer.json").write_text(printed)
    return tmp_path / "answer.json"


def test_labels_of_predicted_rows_count_once(run, token, answer, tmp_path):
    (tmp_path / "truth.txt").write_text("bare\n\nbearing\n")

    first = run("feedback", str(answer), str(tmp_path / "truth.txt"), "--token", token, "--json")
    assert first[0] == 0, first[2]
    code, _, stderr = run("feedback", str(answer), str(tmp_path / "truth.txt"), "--token", token)

    assert (first[0], json.loads(first[1])["counted"]) == (0, 2)
    assert code == 0
    assert "0 row(s) counted, 2 were already counted" in stderr


def test_feedback_without_tokens_explains_how_to_create_them(run, token, tmp_path):
    (tmp_path / "rows.json").write_text("{}")

    code, _, stderr = run("feedback", str(tmp_path / "rows.json"), str(tmp_path / "truth.txt"), "--token", token)

    assert code == 1
    assert "espalier predict ROWS --json" in stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("target_type", "truth"),
    [("multiclass", "many\n\nnone\n"), ("regression", "12\n\n3.5\n"), ("interval", "1e1\n\n-3\n")],
)
def test_classes_and_numbers_are_counted(run, token, answer, tmp_path, truth):
    (tmp_path / "truth.txt").write_text(truth)

    code, out, stderr = run("feedback", str(answer), str(tmp_path / "truth.txt"), "--token", token, "--json")

    assert code == 0, stderr
    assert json.loads(out)["counted"] == 2


@pytest.mark.parametrize("target_type", ["regression"])
def test_text_that_is_no_number_is_named_with_its_line(run, token, answer, tmp_path):
    (tmp_path / "truth.txt").write_text("12\n\nmany\n")

    code, _, stderr = run("feedback", str(answer), str(tmp_path / "truth.txt"), "--token", token)

    assert code == 1
    assert "truth.txt, line 3: many is not a number" in " ".join(stderr.split())
