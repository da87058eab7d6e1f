import json
from pathlib import Path


def test_simulation_tells_how_often_the_gate_is_wrong(run, candidate, registry, name):
    candidate()

    code, out, stderr = run("simulate-gate", "--retrains", "3", "--json")

    found = json.loads(out)
    assert code == 0, stderr
    assert (found["comparisons"], len(found["each"])) == (3, 3)
    assert sum(found["kinds"].values()) == 3
    assert found["gain_deviation"] > 0
    assert "training 4/4" in stderr
    assert registry.versions(name) == []
    shown = run("simulate-gate", "--retrains", "3")[1]
    assert "called better" in shown and "min_improvement that is enough" in shown


def test_handicapped_champions_show_what_is_found(run, candidate):
    candidate()

    code, out, stderr = run("simulate-gate", "--retrains", "2", "--without", "height", "--without", "grafted")

    assert code == 0, stderr
    assert "100.0% of 2" in out
    assert "min_improvement" not in out


def test_too_small_improvement_is_pointed_out(run, candidate):
    """With certainty that a coin would give, lucky retrains pass."""
    candidate()
    path = Path("pipelines/params.yaml")
    path.write_text(
        path.read_text().replace("compare_by: log_loss", "compare_by: log_loss, confidence: 0.8, block: row")
    )

    stderr = run("simulate-gate", "--retrains", "6", "--rows", "60", "--seed", "2")[2]

    assert "retrains that are only lucky would pass too often: set it to 0." in stderr


def test_unknown_column_and_missing_files_are_reported(run, candidate, project):
    assert run("simulate-gate", "--retrains", "2")[0] == 3
    candidate()

    code, _, stderr = run("simulate-gate", "--retrains", "2", "--without", "width")

    assert (code, "width: no such feature" in stderr) == (2, True)
