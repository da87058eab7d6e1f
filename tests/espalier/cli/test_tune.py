import json
from pathlib import Path

import pytest
import yaml

from pipelines.config.params import load_params

WEAK = ("booster: {max_depth: 3, eta: 0.3}", "booster: {max_depth: 1, eta: 0.01}")


@pytest.fixture
def weak(pushed, connected):
    """Parameters that any others are better than."""
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace(*WEAK).replace("train:", "# by hand\ntrain:"))
    return path


def test_best_parameters_are_printed_written_and_recorded(run, weak, registry, name):
    code, out, stderr = run("tune", "--trials", "3", "--write")

    assert code == 0, stderr
    found = yaml.safe_load(out)["train"]
    assert load_params().train.booster == found["booster"]
    assert load_params().train.rounds == found["rounds"]
    assert "# by hand\ntrain:" in weak.read_text()
    assert "3/3 best validation log loss 0." in stderr
    assert "written into pipelines/params.yaml" in stderr
    client = registry._client
    [recorded] = client.search_runs([client.get_experiment_by_name(f"{name}-tuning").experiment_id])
    assert recorded.info.status == "FINISHED"
    assert recorded.data.tags["espalier.stage"] == "tune"
    assert len(client.get_metric_history(recorded.info.run_id, "best_validation_logloss")) >= 1
    files = {entry.path for entry in client.list_artifacts(recorded.info.run_id, "study")}
    assert files == {"study/trials.json", "study/history.png", "study/best.yaml"}
    assert registry.versions(name) == []


def test_study_is_resumed_and_never_uses_a_test_row(run, weak):
    first = run("tune", "--trials", "1", "--json")
    Path("pipelines/work/test.parquet").write_bytes(b"no table")

    code, out, stderr = run("tune", "--trials", "2", "--resume", "--json")

    assert code == 0, stderr
    before, after = json.loads(first[1]), json.loads(out)
    assert (before["study"], sum(before["trials"].values())) == (after["study"], 1)
    assert sum(after["trials"].values()) == 3
    assert after["present"] == before["present"]
    assert Path("pipelines/params.yaml").read_text() == weak.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--time-budget", "10"), 2, "such as 10m"),
        (("--time-budget", "0m"), 2, "above 0"),
        (("--resume",), 3, "leave out --resume"),
    ],
)
def test_wrong_arguments_are_reported(run, weak, arguments, code, message):
    found, _, stderr = run("tune", "--trials", "1", *arguments)

    assert found == code
    assert message in " ".join(stderr.replace("│", " ").split())
