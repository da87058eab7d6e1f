"""The command as people call it, against a small real project."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bundle import InvalidKey
from espalier.cli import main as entry
from pipelines.stages import register

COMMANDS = [
    ("init",),
    ("data", "export"),
    ("data", "report"),
    ("data", "push"),
    ("data", "fetch"),
    ("users", "create"),
    ("users", "list"),
    ("users", "password"),
    ("users", "reset"),
    ("users", "scopes"),
    ("users", "disable"),
    ("users", "enable"),
    ("users", "delete"),
    ("train",),
    ("tune",),
    ("gate",),
    ("simulate-gate",),
    ("feedback",),
    ("models",),
    ("models", "show"),
    ("models", "diff"),
    ("promote",),
    ("rollback",),
    ("serve",),
    ("token",),
    ("predict",),
    ("score",),
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
            if group.typer_instance.registered_callback:  # the group is a command too
                yield (*path, group.name)
            yield from walk(group.typer_instance, (*path, group.name))

    assert set(walk(entry.app)) == set(COMMANDS)


def test_keys_are_created_and_never_overwritten(run, tmp_path):
    assert run("keys", "jwt", "--directory", str(tmp_path))[0] == 0

    code, _, stderr = run("keys", "jwt", "--directory", str(tmp_path))

    assert code == InvalidKey.exit_code
    assert "already exists" in stderr
    assert "Traceback" not in stderr


def test_database_url_can_come_from_a_file(run, tmp_path, monkeypatch):
    """As in a pod of the API, where the URL is a mounted secret."""
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path}/from-a-file.db\n")
    monkeypatch.setenv("API_DATABASE_URL_FILE", str(tmp_path / "url"))

    assert run("users", "create", "ana")[0] == 0
    assert (tmp_path / "from-a-file.db").exists()
    (tmp_path / "url").unlink()
    code, _, stderr = run("users", "list")
    assert code == 1 and "API_DATABASE_URL_FILE" in stderr


def test_table_is_pushed_and_fetched(run, project, save, table):
    path = save(table)

    assert json.loads(run("data", "push", "--json")[1])["name"] == "trees.csv"
    assert run("data", "push")[0] == 0
    path.unlink()
    code, _, stderr = run("data", "push")
    assert code == 1
    assert "put your table next to its pointer" in stderr
    assert "espalier data export" not in stderr, "that is the demo's table"
    assert json.loads(run("data", "fetch", "--json")[1])["name"] == "trees.csv"
    assert "trees.csv" in run("data", "fetch")[2]


def test_demo_table_is_exported(run, project, make):
    from tests.small_project import write_data

    write_data(make(), "flights.csv").unlink()

    assert "espalier data export" in run("data", "push")[2]


def test_broken_pointer_is_reported(run, pushed, connected):
    Path("pipelines/data/trees.csv.dvc").write_text("outs: nothing\n")

    code, _, stderr = run("train")

    assert code == 2
    assert "current.yaml" in stderr and "outs" in stderr
    assert "DVC could not run" not in stderr


def test_second_port_for_a_running_mlflow_is_rejected(run, mlflow, tmp_path, project):
    (tmp_path / "state/mlflow").mkdir(parents=True)
    (tmp_path / "state/mlflow/address").write_text(mlflow.uri)

    code, _, stderr = run("serve", "--port", "0", "--mlflow-port", "1", "--state", str(tmp_path / "state"))

    assert code == 1
    assert mlflow.uri in stderr and "--mlflow-port" in stderr


def test_missing_data_has_its_own_exit_code(run, project, save, table):
    save(table).unlink()

    code, _, stderr = run("data", "fetch")

    assert code == 3
    assert stderr.count("\n") == 1


def test_export_is_checked_against_its_pointer(run, monkeypatch, tmp_path):
    from pipelines.data import flights

    pointer = Path("pipelines/data/flights.csv.dvc").read_text()
    (tmp_path / "flights.csv.dvc").write_text(pointer)
    target = tmp_path / "flights.csv"
    monkeypatch.setattr(flights, "FLIGHTS_CSV", target)
    target.write_text("a,b\n")
    monkeypatch.setattr(flights, "export_flights", lambda: target)

    code, _, stderr = run("data", "export")

    assert code == 5
    assert "has changed" in stderr


def test_train_reports_its_result_and_then_that_nothing_changed(run, pushed, connected):
    code, out, _ = run("train", "--json")

    result = json.loads(out)
    assert code == 0
    assert result["gate"] == "passed"
    assert result["ran"][-1] == "register"
    assert "nothing has changed" in run("train")[2]


def test_training_and_gate_in_two_steps(run, pushed, connected, registry, name, tmp_path, monkeypatch):
    """As in a training pod: the first without a signing key, the second with data files of the first only."""
    signing_key = os.environ["PIPELINE_SIGNING_KEY_FILE"]
    monkeypatch.delenv("PIPELINE_SIGNING_KEY_FILE")
    code, out, _ = run("train", "--until", "evaluate", "--json")
    assert (code, json.loads(out)["ran"][-1]) == (0, "evaluate")
    assert registry.versions(name) == []
    theirs = tmp_path / "theirs"
    Path("pipelines/work").rename(theirs)
    monkeypatch.setenv("PIPELINE_SIGNING_KEY_FILE", signing_key)

    for _ in range(2):  # again, as after a killed pod
        code, out, stderr = run("gate", "--from", str(theirs), "--json")
        assert (code, json.loads(out)["version"]) == (0, "1"), stderr

    assert [version.aliases for version in registry.versions(name)] == [("champion",)]


def better_looking(folder):
    metrics = folder / "metrics.json"
    metrics.write_text(metrics.read_text().replace("0.", "0.9"))


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda folder: (folder / "model.ubj").write_bytes(b""), 4),
        (lambda folder: (folder / "run.json").unlink(), 3),
        (better_looking, 5),
    ],
)
def test_gate_rejects_modified_files(run, candidate, registry, name, tmp_path, spoil, expected):
    candidate()
    theirs = tmp_path / "theirs"
    Path("pipelines/work").rename(theirs)
    spoil(theirs)

    code, _, stderr = run("gate", "--from", str(theirs))

    assert (code, registry.versions(name)) == (expected, [])
    assert "Traceback" not in stderr


def test_exit_code_is_that_of_the_failed_stage(run, pushed, connected, monkeypatch):
    monkeypatch.setenv("PIPELINE_MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("PIPELINE_MLFLOW_RETRIES", "0")

    code, _, stderr = run("train")

    assert code == 6
    assert "did not answer" in stderr
    assert "Traceback" not in stderr


def test_versions_are_listed_promoted_and_rolled_back(run, candidate, registry, name, mlflow):
    for depth, eta in ((1, 0.02), (4, 0.3)):
        candidate(max_depth=depth, eta=eta)
        register.main()

    assert json.loads(run("models", "--json")[1])[0]["aliases"] == ["champion"]
    listed = run("models")[1].splitlines()
    assert name in listed[0]
    assert max(map(len, listed)) <= 80, "as wide as a terminal without any setting"
    shown = " ".join(run("models", "show", "1")[1].split())
    assert "gate.compared_with" not in shown and "espalier.key" in shown and "data_md5" in shown
    assert json.loads(run("models", "show", "2", "--json")[1])["aliases"] == ["champion"]
    assert json.loads(run("rollback", "--json")[1]) == {"name": name, "champion": "1"}
    assert "version 2 is champion" in run("promote", "2")[2]
    code, _, stderr = run("promote", "9")
    assert code == 7
    assert "no version 9" in stderr
    for path in (mlflow.artifacts / registry.version(name, "1").source.removeprefix("mlflow-artifacts:/")).glob(
        "*.sig"
    ):
        path.write_bytes(b"0" * 64)
    for command in (["promote", "1"], ["rollback"]):
        code, _, stderr = run(*command)
        assert (code != 0, "does not match manifest.json with any" in stderr) == (True, True)
        assert registry.version_of(name, "champion") == "2", "what would not be served is not promoted"
        assert registry.version_of(name, "challenger") is None


def test_versions_are_described_and_compared(run, candidate, registry, name, mlflow, tmp_path, monkeypatch):
    for depth, eta in ((1, 0.05), (4, 0.3), (1, 0.05)):
        candidate(max_depth=depth, eta=eta)
        register.main()
        monkeypatch.setenv("PIPELINE_GIT_COMMIT", "decaf")  # other work: the same parameters are judged again

    found = json.loads(run("models", "show", "champion", "--json")[1])
    assert (found["number"], found["verified"]["params"]["train.booster.max_depth"]) == ("2", "4")
    assert found["verified"]["gate"]["champion_version"] == "1" and found["verified"]["gate"]["evidence"]["gate.gain"]
    shown = run("models", "show", "previous")[1]
    assert all(part in shown for part in ("version 1", "test scores", "slices", "mean contribution", "gate: passed"))
    code, _, stderr = run("models", "show", "3")
    assert code == 0 and "was rejected by the gate" in stderr, "of a rejected version, the tags are shown"
    assert json.loads(run("models", "show", "3", "--json")[1])["verified"] is None

    difference = json.loads(run("models", "diff", "previous", "2", "--json")[1])
    changed = {pair["name"]: (pair["first"], pair["second"]) for pair in difference["params"]}
    assert changed["train.booster.max_depth"] == ("1", "4")
    assert not difference["same_model"] and difference["same_test_rows"]
    code, out, stderr = run("models", "diff", "1", "2", "--picture", str(tmp_path / "difference.png"))
    assert code == 0 and "versions 1 and 2 have different model files" in stderr
    assert all(part in out for part in ("parameters that differ", "log_loss of slices", "difference", "height"))
    assert (tmp_path / "difference.png").read_bytes().startswith(b"\x89PNG")
    for arguments, expected, message in (
        (("champion", "2"), 1, "name two different versions"),
        (("1", "9"), 7, "has no version 9"),
        (("challenger", "1"), 7, "no version with the alias challenger"),
        (("1", "3"), 9, "version 3 was rejected by the gate"),
        (("1", "2", "--picture", "difference.pdf"), 2, "ends in .png or .svg"),
    ):
        code, out, stderr = run("models", "diff", *arguments)
        assert (code, out) == (expected, "") and message in " ".join(stderr.split()), stderr
    folder = mlflow.artifacts / registry.version(name, "1").source.removeprefix("mlflow-artifacts:/")
    (folder / "manifest.sig").write_bytes(b"0" * 64)
    for command in (("show", "1"), ("diff", "1", "2")):
        code, out, stderr = run("models", *command)
        assert (code, out) == (9, "") and "does not match manifest.json" in stderr


def test_version_is_printed(run):
    from importlib.metadata import version

    code, out, _ = run("--version")

    assert (code, out.strip()) == (0, f"espalier {version('espalier')}")


def test_unexpected_failure_keeps_its_traceback(run, monkeypatch):
    monkeypatch.setattr("bundle.keys.write_key_pair", None)
    monkeypatch.setattr("espalier.cli.keys.write_key_pair", None)

    with pytest.raises(TypeError):
        run("keys", "jwt")
