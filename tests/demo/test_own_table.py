"""docs/your-own-table.md, as a new user does it: the commands that ``espalier init`` prints, on their own table."""

import json
import shlex

import pytest

from tests.demo.test_projects import espalier
from tests.pipelines.new_project.tables import houses, loans

pytestmark = pytest.mark.demo

TABLES = {
    "loans.csv": (loans, "outcome", "log loss"),
    "houses.parquet": (houses, "price", "root mean squared error"),
}


@pytest.mark.parametrize("name", ["loans.csv", pytest.param("houses.parquet", marks=pytest.mark.slow)])
def test_printed_commands_lead_to_a_prediction(name, tmp_path):
    make, target, score = TABLES[name]
    make().to_csv(tmp_path / name, index=False) if name.endswith("csv") else make().to_parquet(tmp_path / name)

    code, out, stderr = espalier("init", name, "--target", target, "--json", cwd=tmp_path)

    assert code == 0, stderr
    report, demo, serve = (shlex.split(line)[1:] for line in json.loads(out)["next"])
    assert espalier(*report, cwd=tmp_path)[0] == 0
    code, out, stderr = espalier(*demo, cwd=tmp_path)
    assert code == 0, stderr
    assert "version 1 passed the gate and is champion" in stderr
    assert score in " ".join(out.split())
    assert "flight" not in out + stderr

    code, out, stderr = espalier(*report, "--json", cwd=tmp_path)
    assert code == 0, stderr
    assert json.loads(out)["drift"][0]["rows"] == json.loads(out)["rows"]
    assert serve[:2] == ["serve", "--project"]  # what it does, tests/demo/test_demo.py tests
