"""token and predict against an API of one's own making, over real HTTP."""

import io
import json
from collections import Counter

import pandas as pd
import pyarrow.feather
import pytest

from espalier.cli.shown import line_of
from espalier.client.predictions import read_prediction
from espalier.load import verdict
from services.api.auth.tokens.verified_tokens import VerifiedTokens
from services.api.errors import InvalidToken
from tests.espalier.running_api import PASSWORD

pytestmark = pytest.mark.usefixtures("this_api")

OUTPUT = {
    "binary": ["label", "probability"],
    "multiclass": ["label", "probability.none", "probability.some", "probability.many"],
    "regression": ["value"],
    "interval": ["value", "lower", "upper"],
}


@pytest.mark.parametrize("suffix", ["json", "parquet"])
@pytest.mark.parametrize("target_type", OUTPUT)
def test_every_type_of_target_is_shown_printed_and_written(run, token, contract, tmp_path, target_type, suffix):
    rows, scores = tmp_path / f"rows.{suffix}", tmp_path / "scores.csv"
    table = pd.DataFrame([contract.example] * 3)
    rows.write_text(table.to_json(orient="records")) if suffix == "json" else table.to_parquet(rows)

    printed = run("predict", str(rows), "--token", token, "--json")
    shown = run("predict", str(rows), "--token", token)
    written = run("predict", str(rows), "--token", token, "--output", str(scores))

    assert [code for code, _, _ in (printed, shown, written)] == [0, 0, 0], (printed, shown, written)
    answer = json.loads(printed[1])
    assert answer["target_type"] == {"interval": "regression"}.get(target_type, target_type)
    one = read_prediction(answer["predictions"][2])
    found = pd.read_csv(scores)
    assert found.columns.tolist() == [*OUTPUT[target_type], "model_version"]
    assert found.iloc[2].drop("model_version").to_dict() == pytest.approx(one.columns())
    assert set(line_of(3, one)) <= set(shown[1].replace("│", " ").split())


@pytest.mark.parametrize("target_type", OUTPUT)
def test_contributions_of_every_type_are_shown_and_written(run, token, contract, tmp_path, target_type):
    rows, scores = tmp_path / "rows.json", tmp_path / "scores.csv"
    rows.write_text(json.dumps([contract.example] * 2))

    code, out, _ = run("predict", str(rows), "--token", token, "--explain")
    run("predict", str(rows), "--token", token, "--explain", "--output", str(scores))

    assert code == 0
    assert "main contributions" in out
    classes = [f"{label}." for label in ("none", "some", "many")] if target_type == "multiclass" else [""]
    names = [f"contribution.{label}{feature.name}" for label in classes for feature in contract.features]
    assert pd.read_csv(scores).columns.tolist() == [*OUTPUT[target_type], "model_version", *names]


def test_token_is_printed_as_text_and_json(run, token):
    assert token.count(".") == 2
    assert json.loads(run("token", "--user", "ana", "--json")[1])["token_type"] == "bearer"


def test_wrong_password_is_reported_in_one_line(run, monkeypatch):
    monkeypatch.setenv("ESPALIER_PASSWORD", "wrong")

    code, _, stderr = run("token", "--user", "ana")

    assert code == 1
    assert "401: the user name or the password is wrong" in stderr


def test_rows_of_json_are_predicted(run, token, contract, tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps([contract.example]))

    code, out, _ = run("predict", str(tmp_path / "rows.json"), "--token", token, "--json")

    assert code == 0
    assert json.loads(out)["model"]["version"] == "7"


def test_rows_of_csv_are_predicted_with_contributions(run, token, tmp_path):
    text = "kind,height,age,grafted,soil,note\npear,3.5,12,true,loam,a\nplum,,40,0,,b\n"
    (tmp_path / "rows.csv").write_text(text)

    code, out, _ = run("predict", str(tmp_path / "rows.csv"), "--token", token, "--explain")

    assert code == 0
    assert "orchard version 7" in out
    assert "main contributions" in out


@pytest.fixture
def long_table(contract, tmp_path):
    """More rows than one request takes."""
    ages = range(2345)
    table = pd.DataFrame([{**contract.example, "height": age % 20, "tag": f"T{age}"} for age in ages])
    table.to_parquet(tmp_path / "long.parquet")
    table.to_csv(tmp_path / "long.csv", index=False)
    table.drop(columns="tag").to_json(tmp_path / "long.jsonl", orient="records", lines=True)
    return table


@pytest.mark.parametrize(("rows", "output"), [("long.csv", "out.parquet"), ("long.parquet", "out.csv")])
def test_long_table_is_written_to_a_file_with_its_ids(run, token, long_table, tmp_path, rows, output):
    target = tmp_path / output

    code, out, stderr = run(
        "predict", str(tmp_path / rows), "--token", token, "--output", str(target), "--id-column", "tag"
    )

    assert code == 0, stderr
    found = pd.read_parquet(target) if target.suffix == ".parquet" else pd.read_csv(target)
    assert list(found.columns) == ["tag", "label", "probability", "model_version"]
    assert found["tag"].tolist() == long_table["tag"].tolist()
    assert found["probability"].between(0, 1).all() and found["probability"].nunique() > 1
    assert "2,345 rows" in stderr and "per second" in stderr
    assert out == ""


@pytest.fixture
def short_lived(monkeypatch):
    """Tokens that the API takes twice, as if they had been given out a quarter of an hour ago."""
    taken, check = Counter(), VerifiedTokens.check

    def twice(self, token):
        taken[token] += 1
        if taken[token] > 2:
            raise InvalidToken
        return check(self, token)

    monkeypatch.setattr(VerifiedTokens, "check", twice)
    return taken


def test_user_logs_in_again_when_the_token_expires(run, long_table, tmp_path, monkeypatch, short_lived):
    monkeypatch.setenv("ESPALIER_PASSWORD", PASSWORD)
    out = tmp_path / "out.csv"

    code, _, stderr = run("predict", str(tmp_path / "long.jsonl"), "--user", "ana", "--output", str(out))

    assert code == 0, stderr
    assert len(pd.read_csv(out)) == len(long_table)
    assert list(short_lived.values()) == [3, 1], "three requests, one of them twice"


def test_expired_token_is_not_renewed(run, token, long_table, tmp_path, short_lived):
    code, _, stderr = run("predict", str(tmp_path / "long.jsonl"), "--token", token, "--json")

    assert code == 1
    assert "the API answered 401" in stderr


def test_failed_login_is_explained(run, contract, tmp_path, monkeypatch):
    monkeypatch.setenv("ESPALIER_PASSWORD", "wrong")
    (tmp_path / "rows.json").write_text(json.dumps([contract.example]))

    code, _, stderr = run("predict", str(tmp_path / "rows.json"), "--user", "ana")

    assert code == 1
    assert "401: the user name or the password is wrong" in stderr


def test_missing_credentials_are_explained(run, contract, tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps([contract.example]))

    code, _, stderr = run("predict", str(tmp_path / "rows.json"))

    assert code == 1
    assert "log in with --user NAME" in stderr


def test_only_the_first_rows_of_a_long_table_are_shown(run, token, long_table, tmp_path):
    code, _, stderr = run("predict", str(tmp_path / "long.csv"), "--token", token)

    assert code == 0
    assert "the first 100" in stderr and "--output" in stderr
    assert (
        len(json.loads(run("predict", str(tmp_path / "long.csv"), "--token", token, "--json")[1])["predictions"])
        == 2345
    )


def test_rejected_batch_names_its_rows_and_leaves_no_output(run, token, long_table, tmp_path):
    long_table.loc[1500, "kind"] = "cherry"
    long_table.to_csv(tmp_path / "long.csv", index=False)

    code, _, stderr = run(
        "predict", str(tmp_path / "long.csv"), "--token", token, "--output", str(tmp_path / "out.csv")
    )

    assert code == 1
    assert "columns.kind[1500] must be one of" in stderr
    assert not list(tmp_path.glob("out.csv*"))


def test_contributions_are_written_to_the_output(run, token, contract, tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps([contract.example] * 150))
    target = tmp_path / "out.csv"

    code, _, stderr = run(
        "predict", str(tmp_path / "rows.json"), "--token", token, "--explain", "--output", str(target)
    )

    assert code == 0, stderr
    assert {f"contribution.{feature.name}" for feature in contract.features} <= set(pd.read_csv(target).columns)


def test_rejected_fields_are_reported(run, token, contract, tmp_path):
    (tmp_path / "rows.csv").write_text("kind,height,age,grafted,soil\ncherry,tall,12,maybe,loam\n")

    code, _, stderr = run("predict", str(tmp_path / "rows.csv"), "--token", token)

    assert code == 1
    assert "rows[0].height must be a number from 0 to 50 m or null" in stderr
    assert "rows[0].kind must be one of apple, pear, plum" in stderr


@pytest.mark.parametrize(
    ("name", "text", "stderr"),
    [
        ("rows.json", "{", "cannot read"),
        ("rows.json", '{"lines": []}', "expected a list of rows"),
        ("rows.csv", "kind\npear\n", "has no column height, age, grafted, soil"),
        ("absent.csv", None, "cannot read"),
    ],
)
def test_malformed_file_is_reported(run, token, tmp_path, name, text, stderr):
    if text is not None:
        (tmp_path / name).write_text(text)

    code, _, printed = run("predict", str(tmp_path / name), "--token", token)

    assert code == 1
    assert stderr in printed


def test_unavailable_api_is_reported(run, monkeypatch, tmp_path):
    monkeypatch.setenv("ESPALIER_PASSWORD", "x")

    code, _, stderr = run("token", "--user", "ana", "--url", "http://127.0.0.1:1")

    assert code == 1
    assert "did not answer" in stderr


def test_missing_authority_is_reported(run, monkeypatch):
    monkeypatch.setenv("ESPALIER_PASSWORD", "x")

    assert "name the certificate authority" in run("token", "--user", "ana", "--cacert", "absent.pem")[2]


@pytest.mark.parametrize("command", ["predict", "token", "feedback", "load"])
def test_password_is_never_an_argument(run, command):
    code, _, stderr = run(command, "--password", PASSWORD)

    assert code == 2
    assert "No such option: --password" in stderr
    assert PASSWORD not in stderr


def test_password_comes_from_a_file(run, contract, tmp_path):
    (tmp_path / "rows.json").write_text(json.dumps([contract.example]))
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")

    code, _, stderr = run(
        "predict", str(tmp_path / "rows.json"), "--user", "ana", "--password-file", str(tmp_path / "secret")
    )

    assert code == 0, stderr


def test_rows_of_standard_input_are_predicted(run, token, contract, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{json.dumps(contract.example)}\n" * 3))

    code, out, stderr = run("predict", "-", "--token", token, "--json")

    assert code == 0, stderr
    assert len(json.loads(out)["predictions"]) == 3


def test_rows_of_a_table_on_a_terminal(run, token, long_table, tmp_path):
    code, out, _ = run("predict", str(tmp_path / "long.jsonl"), "--token", token)

    assert code == 0
    assert "orchard version 7" in out
    assert out.count("bear") + out.count("bare") == 100


@pytest.mark.parametrize("suffix", ["arrow", "csv", "feather", "parquet"])
def test_long_tables_are_sent_as_arrow(run, api, token, long_table, tmp_path, suffix):
    rows, target = tmp_path / f"long.{suffix}", tmp_path / "out.jsonl"
    if suffix in ("arrow", "feather"):
        pyarrow.feather.write_feather(long_table, rows)

    code, out, stderr = run(
        "predict", str(rows), "--token", token, "--output", str(target), "--id-column", "tag", "--json"
    )

    assert code == 0, stderr
    assert api.content_types() == ["application/vnd.apache.arrow.stream"]
    written = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["tag"] for row in written] == long_table["tag"].tolist()
    assert {row["model_version"] for row in written} == {"7"}
    assert written[7]["probability"] == written[27]["probability"] != written[13]["probability"]
    assert "add --batch-rows 1000" in stderr
    assert json.loads(out)["feedback_tokens"] == [{"token": "", "rows": 2345}]


def test_load_runs_against_a_real_api(run, url, contract, monkeypatch, tmp_path):
    monkeypatch.setenv("ESPALIER_PASSWORD", PASSWORD)
    monkeypatch.setattr(verdict, "OBJECTIVES", verdict.Objectives(limit_seconds=20, late_seconds=20, sent_share=0))
    (tmp_path / "request.json").write_text(json.dumps({"rows": [contract.example]}))
    what = ("--request", str(tmp_path / "request.json"), "--rows", "2", "--state", str(tmp_path))

    code, out, stderr = run(
        "load", "--user", "ana", *what, "--seconds", "1", "--warm-up", "0", "--rate", "20", "--json"
    )

    assert code == 0, stderr
    assert (json.loads(out)["predictions"], json.loads(out)["versions"]) == (20, ["7"])
