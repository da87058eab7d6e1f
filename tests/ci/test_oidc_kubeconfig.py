"""The kubeconfig of a deployment holds the job's token, and no other process sees it. A script replaces curl."""

import base64
import json
import os
import stat
import subprocess

import pytest

from tests.small_project import ROOT

ENVIRONMENT = {
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

    def ask(environment, *, answer='{"value": "job-token"}', code=0):
        (folder / "answer").write_text(answer)
        (folder / "code").write_text(str(code))
        path = {"PATH": f"{folder}:{os.environ['PATH']}", "STUB_FOLDER": str(folder)}
        command = [str(ROOT / ".ci/oidc-kubeconfig"), str(tmp_path / "kubeconfig")]
        return subprocess.run(command, env={**environment, **path}, capture_output=True, text=True, check=False)

    return ask


def test_kubeconfig_has_cluster_and_token(ask, tmp_path):
    done = ask(ENVIRONMENT)

    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "kubeconfig").read_text())
    cluster = written["clusters"][0]["cluster"]
    assert cluster["server"] == ENVIRONMENT["KUBERNETES_SERVER"]
    assert base64.b64decode(cluster["certificate-authority-data"]).decode().strip() == ENVIRONMENT["KUBERNETES_CA"]
    assert written["users"] == [{"name": "deploy", "user": {"token": "job-token"}}]
    (context,) = written["contexts"]
    assert context["name"] == written["current-context"]
    assert context["context"] == {"cluster": written["clusters"][0]["name"], "user": "deploy"}


def test_token_is_for_this_cluster_and_stays_secret(ask, tmp_path):
    done = ask(ENVIRONMENT)

    arguments = (tmp_path / "bin/arguments").read_text()
    assert f"audience={ENVIRONMENT['KUBERNETES_AUDIENCE']}" in arguments.splitlines()
    assert arguments.splitlines()[-1] == ENVIRONMENT["ACTIONS_ID_TOKEN_REQUEST_URL"]
    assert "request-secret" not in arguments, "every process on the machine can read arguments"
    assert (tmp_path / "bin/input").read_text() == 'header = "Authorization: bearer request-secret"\n'
    assert done.stdout == "::add-mask::job-token\n", "the runner masks it in the log"
    assert stat.S_IMODE((tmp_path / "kubeconfig").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_missing_variable_is_named_and_no_token_requested(ask, tmp_path, name):
    done = ask({key: value for key, value in ENVIRONMENT.items() if key != name})

    assert done.returncode != 0
    assert name in done.stderr
    assert not (tmp_path / "bin/arguments").exists() and not (tmp_path / "kubeconfig").exists()


@pytest.mark.parametrize(
    ("answer", "code"), [("", 22), ("{}", 0), ("<html>", 0)], ids=["refused", "no-token", "no-json"]
)
def test_no_token_writes_no_kubeconfig(ask, tmp_path, answer, code):
    done = ask(ENVIRONMENT, answer=answer, code=code)

    assert done.returncode != 0
    assert "add-mask" not in done.stdout
    assert not (tmp_path / "kubeconfig").exists()
