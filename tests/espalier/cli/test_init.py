"""The command: what it prints, writes, and refuses."""

import json

import pytest
import yaml

from tests.pipelines.new_project.tables import houses, loans


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a table, as a person has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")
    loans().to_csv("loans.csv", index=False)
    return tmp_path


def test_project_from_a_table(run, here):
    code, out, stderr = run("init", "loans.csv", "--target", "outcome")

    assert code == 0, stderr
    assert {path.name for path in here.iterdir()} == {"loans.csv", "loans"}
    for text in ("400 rows, 7 columns", "currency", "left out", "Check this", "Next", "identifier"):
        assert text in out
    assert "  espalier data report --project loans\n  espalier demo --project loans\n" in out
    assert yaml.safe_load((here / "loans/pipelines/params.yaml").read_text())["register"]["model_name"] == "loans"


def test_project_as_json_with_options(run, here):
    houses().to_parquet("Sold Houses.parquet")

    code, out, stderr = run(
        *("init", "Sold Houses.parquet", "--target", "price", "--project", "my projects/Houses 2", "--json"),
        *("--no-time", "--without", "price_with_tax", "--without", "sold_on"),
    )

    assert code == 0, stderr
    made = json.loads(out)
    assert (made["project"], made["model_name"], made["rows"]) == ("my projects/Houses 2", "houses-2", 600)
    assert made["target"]["type"] == "regression" and made["time"] is None
    assert {column["name"]: column["type"] for column in made["columns"]} == {
        "area": "float",
        "rooms": "int",
        "district": "category",
    }
    assert "espalier demo --project 'my projects/Houses 2'" in made["next"]
    assert made["check"]


def test_existing_project_stays_unless_forced(run, here):
    assert run("init", "loans.csv", "--target", "outcome")[0] == 0
    schema = here / "loans/pipelines/schema.yaml"
    schema.write_text("mine")

    code, _, stderr = run("init", "loans.csv", "--target", "outcome")

    assert code == 2 and "--force replaces them" in stderr and "Traceback" not in stderr
    assert schema.read_text() == "mine"
    assert run("init", "loans.csv", "--target", "outcome", "--force", "--name", "other")[0] == 0
    assert schema.read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.csv", "--target", "x"], 3, "none.csv not found"),
        (["loans.csv", "--target", "x"], 4, "no such column"),
        (["loans.csv", "--target", "outcome", "--name", "No Name"], 1, "lower-case letters"),
        (["loans.csv", "--target", "outcome", "--time", "age", "--no-time"], 1, "exclude each other"),
        (["loans.csv", "--target", "outcome", "--time", "age"], 4, "has no times"),
        (["loans.csv", "--target", "outcome", "--type", "regression"], 4, "needs numbers"),
    ],
)
def test_what_is_refused_leaves_nothing(run, here, arguments, code, message):
    found, out, stderr = run("init", *arguments)

    assert (found, out) == (code, "")
    assert message in " ".join(stderr.split()) and "Traceback" not in stderr
    assert {path.name for path in here.iterdir()} == {"loans.csv"}


def test_names_are_printed_as_they_are(run, here):
    table = loans().rename(columns={"age": "(red) age \x1b(31m"})
    table.assign(**{"[bold]constant[/]": 1}).to_csv("loans.csv", index=False)

    code, out, stderr = run("init", "loans.csv", "--target", "outcome")

    assert code == 0, stderr
    assert "[bold]constant[/]" in out and "\x1b(31m" not in out
