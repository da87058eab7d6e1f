"""The HTTP clients of Triton and KServe, unchanged from their packages, and the page about them, against a running API.

They pin what our packages want newer, so they run in an environment of their own: make inference-clients. Each gets the
rows on standard input, and prints what it got.
"""

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from evaluation.encoding import encode
from services.api.auth.users import open_user_store
from tests.services.api.server_process.running import wait_until_ready
from tests.small_project import ROOT

PYTHON = Path(sys.prefix) / "inference-clients/bin/python"
FOLDER = Path(__file__).with_name("inference_clients")
DATATYPES = {
    "height": ("FP32", "float32"),
    "age": ("INT64", "int64"),
    "grafted": ("BOOL", "bool"),
    "kind": ("BYTES", "object"),
    "soil": ("BYTES", "object"),
}
ROWS = [
    {"height": 3.5, "age": 12, "grafted": True, "kind": "pear", "soil": "loam"},
    {"height": None, "age": 80, "grafted": False, "kind": "apple", "soil": None},
    {"height": 19.25, "age": 3, "grafted": True, "kind": "plum", "soil": "sand"},
]
FORMS = ("json", "binary", "all_features")

PAGE = (ROOT / "docs/inference-protocol.md").read_text()
PROGRAMS = dict(zip(("tritonclient", "kserve"), re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S), strict=True))
COMMANDS = re.search(r"^```sh\n(.*?)^```", PAGE, re.M | re.S).group(1)
BEFORE = """
import json, sys
import pandas
given = json.load(sys.stdin)
table, token = pandas.DataFrame(given["rows"]), given["token"]
"""
AFTER = """
labels = [label.decode() if isinstance(label, bytes) else label for label in labels.tolist()]
print(json.dumps({"label": labels, "probability": probabilities.tolist(), "feedback_token": feedback_token}))
"""


@pytest.fixture
def token(start, environment, secure, passwords):
    """Of a user who may predict and read the model; the API is up."""
    wait_until_ready(secure, start())
    with closing(open_user_store(environment["API_DATABASE_URL"])) as store:
        store.create("ana", passwords.hash("grafted quince"), ["predict", "model:read", "feedback:write"])
    answer = secure.post("/v1/auth/token", data={"username": "ana", "password": "grafted quince"})
    return answer.json()["access_token"]


@pytest.fixture
def python(need):
    """The interpreter of the clients; asked for before a server is started."""
    return need(str(PYTHON))


@pytest.fixture
def run(python, environment, contract, token, tmp_path):
    """Return a function that runs a program in the environment of the clients, and returns what it prints."""
    given = {
        "url": f"https://localhost:{environment['API_PORT']}",
        "ca": str(tmp_path / "ca.pem"),
        "token": token,
        "model": environment["API_MODEL_NAME"],
        "rows": ROWS,
        "matrix": encode(ROWS, contract).tolist(),
        "datatypes": DATATYPES,
    }

    def start_client(*arguments):
        done = subprocess.run(
            [python, *arguments],
            cwd=tmp_path,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return start_client


@pytest.fixture
def expected(secure, token):
    """Labels and probabilities of the rows from /v1/predict."""
    answer = secure.post("/v1/predict", json={"rows": ROWS}, headers={"Authorization": f"Bearer {token}"})
    predictions = answer.json()["predictions"]
    return [one["label"] for one in predictions], [one["probability"] for one in predictions]


def check_predictions(got, expected):
    labels, probabilities = expected
    rows = len(got["label"])
    assert got["label"] == labels[:rows]
    assert np.float32(got["probability"]).tolist() == np.float32(probabilities[:rows]).tolist()


def test_tritonclient(run, expected, secure, token):
    got = run(FOLDER / "tritonclient_session.py")

    assert [got[name] for name in ("live", "ready", "model_ready", "version_ready")] == [True] * 4
    assert got["other_version_ready"] is False
    assert (got["server"]["name"], got["server"]["extensions"]) == ("espalier", ["binary_tensor_data"])
    assert (got["metadata"]["name"], got["metadata"]["versions"]) == ("process", ["1"])
    assert {one["name"]: one["datatype"] for one in got["metadata"]["inputs"]} == {
        name: datatype for name, (datatype, _kind) in DATATYPES.items()
    }
    for form in (*FORMS, "mixed", "version", "default"):
        check_predictions(got[form], expected)
        assert (got[form]["id"], got[form]["model"]) == ("mine", ["process", "1"])
        assert got[form]["are_binary"] == [form not in ("json", "mixed")] * 2, form
    assert [len(got[form]["label"]) for form in ("json", "binary")] == [1, len(ROWS)]
    assert got["nan_in_json"][0] == "400", "tritonclient writes NaN into JSON, which is none"
    assert "as NaN in binary data" in got["nan_in_json"][1]
    assert got["no_token"][0] == got["metadata_without_token"][0] == "401"
    assert got["no_token"][1].startswith("the access token is missing")
    assert got["other_model"] == ["404", "this model or version is not served here; process version 1 is"]
    assert got["without_input"] == ["422", "inputs.height: is missing; it must be a number from 0 to 50 m or null"]
    assert got["compressed"][0] == "415"
    assert "compression" in got["compressed"][1]
    feedback = {"feedback": [{"feedback_token": got["binary"]["feedback_token"], "labels": expected[0]}]}
    counted = secure.post("/v1/feedback", json=feedback, headers={"Authorization": f"Bearer {token}"})
    assert counted.json()["counted"] == len(ROWS)


def test_kserve_client(run, expected):
    got = run(FOLDER / "kserve_session.py")

    assert [got[name] for name in ("live", "ready", "model_ready")] == [True] * 3
    assert got["other_model_ready"] is False
    for form in FORMS:
        check_predictions(got[form], expected)
        assert (len(got[form]["label"]), got[form]["model"]) == (len(ROWS), "process")
        assert got[form]["content_type"] == f"application/{'json' if form == 'json' else 'octet-stream'}"
    assert (got["json"]["id"], got["binary"]["id"]) == ("mine", "mine")
    assert got["no_token"][0] == 401
    assert got["no_token"][1].startswith("the access token is missing")
    assert got["without_input"][0] == 422
    assert got["without_input"][1].startswith(
        "inputs.height: is missing; it must be a number from 0 to 50 m or null, '422 "
    )


def test_lock_of_the_clients_has_their_versions_hashes_and_no_host():
    text = (FOLDER / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.M))

    assert not re.search(r"https?://", text)
    assert text.count("--hash=sha256:") >= len(pinned) > 10
    for line in (FOLDER / "requirements.in").read_text().split():
        name, _, version = line.partition("==")
        assert pinned[name.partition("[")[0]] == version


@pytest.fixture
def as_here(environment, tmp_path):
    """Return a function that puts this API's address and model into a text of the page, which finds its CA."""
    (tmp_path / ".espalier/tls").mkdir(parents=True)
    os.link(tmp_path / "ca.pem", tmp_path / ".espalier/tls/ca.pem")
    model, address = environment["API_MODEL_NAME"], f"localhost:{environment['API_PORT']}"
    return lambda text: text.replace("flight-delay", model).replace("localhost:8443", address)


@pytest.mark.parametrize("client", PROGRAMS)
def test_programs_of_the_page(client, run, as_here, expected):
    got = run("-c", BEFORE + as_here(PROGRAMS[client]) + AFTER)

    check_predictions(got, expected)
    assert len(got["label"]) == len(ROWS)
    assert got["feedback_token"]


def test_commands_of_the_page(need, token, as_here, tmp_path, expected):
    need("curl")
    (tmp_path / "docs").mkdir()
    inputs = [
        {"name": name, "shape": [1], "datatype": datatype, "data": [ROWS[0][name]]}
        for name, (datatype, _kind) in DATATYPES.items()
    ]
    (tmp_path / "docs/example-inference-request.json").write_text(json.dumps({"inputs": inputs}))
    commands = ["bash", "-euc", as_here(COMMANDS).replace("curl ", "curl --silent --show-error --write-out '\\n' ")]

    done = subprocess.run(
        commands, cwd=tmp_path, env={**os.environ, "TOKEN": token}, capture_output=True, text=True, check=False
    )

    metadata, answer = map(json.loads, done.stdout.splitlines())
    assert [one["name"] for one in metadata["inputs"]] == list(DATATYPES), done.stderr
    check_predictions({one["name"]: one["data"] for one in answer["outputs"]}, expected)
