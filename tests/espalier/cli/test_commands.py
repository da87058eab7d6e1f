"""The command as people call it, against a small real project."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from espalier.cli import main as entry
from pipelines import register

COMMANDS = [
    ("data", "export"),
    ("data", "push"),
    ("data", "fetch"),
    ("users", "create"),
    ("users", "list"),
    ("users", "password"),
    ("users", "scopes"),
    ("users", "disable"),
    ("users", "enable"),
    ("users", "delete"),
    ("train",),
    ("models",),
    ("promote",),
    ("rollback",),
    ("serve",),
    ("token",),
    ("predict",),
    ("load",),
    ("keys",),
    ("demo",),
    ("cluster", "up"),
    ("cluster", "down"),
    ("cluster", "images"),
    ("cluster", "dependencies"),
    ("cluster", "secrets"),
    ("cluster", "deploy"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_examples_and_json(command):
    result = CliRunner().invoke(entry.app, [*command, "--help"], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"espalier {command[0]}" in result.output
    assert "--json" in result.output


def test_every_command_is_in_this_list():
    def walk(app, path=()):
        for command in app.registered_commands:
            yield (*path, command.name)
        for group in app.registered_groups:
            yield from walk(group.typer_instance, (*path, group.name))

    assert set(walk(entry.app)) == set(COMMANDS)


def test_keys_are_made_and_never_overwritten(run, tmp_path):
    assert run("keys", "jwt", "--directory", str(tmp_path))[0] == 0

    code, _, said = run("keys", "jwt", "--directory", str(tmp_path))

    assert code == 1
    assert "exists already" in said
    assert "Traceback" not in said


def test_users_are_those_of_the_database_that_a_file_names(run, tmp_path, monkeypatch):
    """As in a pod of the API, where the URL is a mounted secret."""
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path}/from-a-file.db\n")
    monkeypatch.setenv("API_DATABASE_URL_FILE", str(tmp_path / "url"))

    assert run("users", "create", "ana")[0] == 0
    assert (tmp_path / "from-a-file.db").exists()
    (tmp_path / "url").unlink()
    code, _, said = run("users", "list")
    assert code == 1 and "API_DATABASE_URL_FILE" in said


def test_table_is_pushed_and_fetched(run, project, save, table):
    path = save(table)

    assert json.loads(run("data", "push", "--json")[1])["name"] == "trees.csv"
    assert run("data", "push")[0] == 0
    path.unlink()
    code, _, said = run("data", "push")
    assert code == 1
    assert "espalier data export" in said
    assert json.loads(run("data", "fetch", "--json")[1])["name"] == "trees.csv"
    assert "trees.csv" in run("data", "fetch")[2]


def test_data_that_is_nowhere_ends_with_its_own_code(run, project, save, table):
    save(table).unlink()

    code, _, said = run("data", "fetch")

    assert code == 3
    assert said.count("\n") == 1


def test_export_is_checked_against_its_pointer(run, monkeypatch, tmp_path):
    from pipelines.data import flights

    pointer = Path("pipelines/data/flights.csv.dvc").read_text()
    (tmp_path / "flights.csv.dvc").write_text(pointer)
    target = tmp_path / "flights.csv"
    monkeypatch.setattr(flights, "FLIGHTS_CSV", target)
    target.write_text("a,b\n")
    monkeypatch.setattr(flights, "export_flights", lambda: target)

    code, _, said = run("data", "export")

    assert code == 5
    assert "was changed" in said


def test_train_says_what_came_of_it_and_a_second_time_that_nothing_changed(run, pushed, connected):
    code, out, _ = run("train", "--json")

    result = json.loads(out)
    assert code == 0
    assert result["gate"] == "passed"
    assert result["ran"][-1] == "register"
    assert "nothing has changed" in run("train")[2]


def test_failed_stage_gives_its_exit_code(run, pushed, connected, monkeypatch):
    monkeypatch.setenv("PIPELINE_MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("PIPELINE_MLFLOW_RETRIES", "0")

    code, _, said = run("train")

    assert code == 6
    assert "did not answer" in said
    assert "Traceback" not in said


def test_versions_are_listed_promoted_and_rolled_back(run, candidate, registry, name, mlflow):
    for depth in (1, 4):
        candidate(max_depth=depth, eta=0.2)
        register.main()

    assert json.loads(run("models", "--json")[1])[0]["aliases"] == ["champion"]
    assert name in run("models")[1]
    assert json.loads(run("rollback", "--json")[1]) == {"name": name, "champion": "1"}
    assert "version 2 is champion" in run("promote", "2")[2]
    code, _, said = run("promote", "9")
    assert code == 7
    assert "no version 9" in said
    for path in (mlflow.artifacts / registry.version(name, "1").source.removeprefix("mlflow-artifacts:/")).glob(
        "*.sig"
    ):
        path.write_bytes(b"0" * 64)
    for command in (["promote", "1"], ["rollback"]):
        code, _, said = run(*command)
        assert (code != 0, "fits manifest.json under none" in said) == (True, True)
        assert registry.version_of(name, "champion") == "2", "what would not be served is not promoted"
        assert registry.version_of(name, "challenger") is None


def test_unexpected_failure_keeps_its_traceback(run, monkeypatch):
    monkeypatch.setattr("espalier.bundle.keys.write_key_pair", None)
    monkeypatch.setattr("espalier.cli.keys.write_key_pair", None)

    with pytest.raises(TypeError):
        run("keys", "jwt")
