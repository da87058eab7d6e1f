"""The kubeconfig of a deployment holds the job's own token, and shows it to nobody else. A script stands for curl."""

import base64
import json
import os
import stat
import subprocess

import pytest

from tests.small_project import ROOT

GIVEN = {
    "KUBERNETES_SERVER": "https://cluster.example.com:6443",
    "KUBERNETES_CA": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "KUBERNETES_AUDIENCE": "https://cluster.example.com/a b",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.example.com/?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-secret",
}
CURL = """#!/bin/sh
printf '%s\\n' "$@" > "$STUB_FOLDER/arguments"
cat > "$STUB_FOLDER/input"
cat "$STUB_FOLDER/answer"
exit "$(cat "$STUB_FOLDER/code")"
"""


@pytest.fixture
def ask(need, tmp_path):
    need("jq")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "curl").write_text(CURL)
    (folder / "curl").chmod(0o755)

    def ask(given, *, answer='{"value": "job-token"}', code=0):
        (folder / "answer").write_text(answer)
        (folder / "code").write_text(str(code))
        path = {"PATH": f"{folder}:{os.environ['PATH']}", "STUB_FOLDER": str(folder)}
        command = [str(ROOT / ".ci/oidc-kubeconfig"), str(tmp_path / "kubeconfig")]
        return subprocess.run(command, env={**given, **path}, capture_output=True, text=True, check=False)

    return ask


def test_kubeconfig_names_the_cluster_and_holds_the_job_s_token(ask, tmp_path):
    done = ask(GIVEN)

    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "kubeconfig").read_text())
    cluster = written["clusters"][0]["cluster"]
    assert cluster["server"] == GIVEN["KUBERNETES_SERVER"]
    assert base64.b64decode(cluster["certificate-authority-data"]).decode().strip() == GIVEN["KUBERNETES_CA"]
    assert written["users"] == [{"name": "deploy", "user": {"token": "job-token"}}]
    (context,) = written["contexts"]
    assert context["name"] == written["current-context"]
    assert context["context"] == {"cluster": written["clusters"][0]["name"], "user": "deploy"}


def test_token_is_asked_for_this_cluster_and_seen_by_nobody_else(ask, tmp_path):
    done = ask(GIVEN)

    arguments = (tmp_path / "bin/arguments").read_text()
    assert f"audience={GIVEN['KUBERNETES_AUDIENCE']}" in arguments.splitlines()
    assert arguments.splitlines()[-1] == GIVEN["ACTIONS_ID_TOKEN_REQUEST_URL"]
    assert "request-secret" not in arguments, "every process of the machine can read arguments"
    assert (tmp_path / "bin/input").read_text() == 'header = "Authorization: bearer request-secret"\n'
    assert done.stdout == "::add-mask::job-token\n", "the runner hides it in what follows"
    assert stat.S_IMODE((tmp_path / "kubeconfig").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_missing_is_named_and_nothing_is_asked(ask, tmp_path, name):
    done = ask({key: value for key, value in GIVEN.items() if key != name})

    assert done.returncode != 0
    assert name in done.stderr
    assert not (tmp_path / "bin/arguments").exists() and not (tmp_path / "kubeconfig").exists()


@pytest.mark.parametrize(
    ("answer", "code"), [("", 22), ("{}", 0), ("<html>", 0)], ids=["refused", "no-token", "no-json"]
)
def test_without_a_token_nothing_is_written(ask, tmp_path, answer, code):
    done = ask(GIVEN, answer=answer, code=code)

    assert done.returncode != 0
    assert "add-mask" not in done.stdout
    assert not (tmp_path / "kubeconfig").exists()
