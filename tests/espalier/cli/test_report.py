"""``espalier data report`` in a project that was made of a table."""

import json

import pytest

from tests.pipelines.new_project.tables import loans


@pytest.fixture(autouse=True)
def project(run, tmp_path, monkeypatch):
    """A new project, beside its table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")  # commands add to it
    loans().to_csv("loans.csv", index=False)
    assert run("init", "loans.csv", "--target", "outcome")[0] == 0
    return tmp_path / "loans"


def test_page_is_written_into_the_project(run, project):
    code, out, stderr = run("data", "report", "--project", "loans")

    assert (code, out) == (0, "")
    assert "loans/report.html: 400 rows, 6 columns" in stderr
    assert "no champion yet, so no drift" in stderr
    page = (project / "report.html").read_text()
    assert "<h3>income</h3>" in page and "There is no champion yet" in page


def test_json_of_another_table(run, project):
    loans(50).to_csv(project / "day.csv", index=False)

    code, out, stderr = run(
        "data", "report", "--project", "loans", "--table", "day.csv", "--output", "day.html", "--json"
    )

    assert code == 0, stderr
    found = json.loads(out)
    assert (found["page"], found["rows"], found["drift"]) == ("loans/day.html", 50, [])
    assert set(found["columns"]) == {"loan", "income", "age", "purpose", "employed", "outcome"}


def test_drift_against_a_bundle(run, project, make_bundle, keys):
    make_bundle(project.parent / "bundle")

    code, out, stderr = run(
        *("data", "report", "--project", "loans", "--bundle", "../bundle", "--public-key", str(keys.public), "--json")
    )

    assert code == 0, stderr
    [drift] = json.loads(out)["drift"]
    assert (drift["model"], drift["rows"]) == ("orchard version 7", 400)
    assert "age" in drift["psi"]  # the one column that both have


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--table", "none.csv"], 3, "none.csv not found"),
        (["--output", "none/report.html"], 1, "none is not a folder"),
        (["--bundle", "none"], 3, "no bundle"),
    ],
)
def test_what_is_refused(run, project, keys, arguments, code, message):
    found, _, stderr = run("data", "report", "--project", "loans", "--public-key", str(keys.public), *arguments)

    assert found == code, stderr
    assert message in " ".join(stderr.split()) and "Traceback" not in stderr
    assert not (project / "report.html").exists()
