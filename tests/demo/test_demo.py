"""The demo itself, as a person starts it: real data, real servers, HTTPS, and nothing left running."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.demo


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the tracked files, so that the demo leaves its traces there."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in listed:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def espalier(checkout, *arguments):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIPELINE_", "API_", "ESPALIER_"))}
    environment |= {"PYTHONPATH": str(checkout), "COLUMNS": "160"}
    return subprocess.Popen(
        [sys.executable, "-c", "from espalier.cli.main import main; main()", *arguments],
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_in(folder):
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink() == folder:
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def first(checkout):
    process = espalier(checkout, "demo")
    out, stderr = process.communicate(timeout=280)
    return process.returncode, out, stderr


def test_demo_runs_end_to_end(first, checkout):
    code, out, stderr = first

    assert code == 0, stderr
    for stage in ("fetch", "validate", "prepare", "train", "evaluate"):
        assert f"\n{stage} " in stderr
    assert "register flight-delay version 1 passed the gate and is champion" in stderr
    assert "test rows of 2013-" in out
    shown, fifths = out.split("All ")[:2]
    assert "the 4 with the highest, middle and lowest probability" in " ".join(shown.split())
    assert "fifth" in fifths
    for address in re.findall(r"https?://[^ )]+", stderr.rsplit("Plots", 1)[1]):
        pytest.fail(f"{address} is dead when the demo ends")
    password = checkout / ".espalier/demo.password"
    assert password.stat().st_mode & 0o777 == 0o600
    assert "P(late)" in out
    assert "espalier_predictions_total" in out
    assert "ROC AUC" in out
    assert "Traceback" not in stderr


def test_demo_leaves_no_process_running(first, checkout):
    assert processes_in(checkout) == []


def test_demo_model_has_the_expected_scores(first, checkout):
    metrics = json.loads((checkout / "pipelines/work/metrics.json").read_text())["test"]

    assert metrics["rows"] == 82_609
    assert metrics["roc_auc"] > 0.68
    assert metrics["log_loss"] < 0.50


def test_second_demo_skips_every_stage(first, checkout):
    process = espalier(checkout, "demo", "--json")
    out, stderr = process.communicate(timeout=200)

    assert process.returncode == 0, stderr
    assert "every stage skipped" in stderr
    assert json.loads(out)["model"]["version"] == "1"


def test_serve_answers_over_https_until_sigterm(first, checkout):
    from espalier.local.processes import free_port

    port = free_port()
    process = espalier(checkout, "serve", "--port", str(port), "--mlflow-port", str(free_port()))
    context = ssl.create_default_context(cafile=str(checkout / ".espalier/tls/ca.pem"))
    try:
        with httpx.Client(verify=context, base_url=f"https://localhost:{port}") as client:
            for _ in range(600):
                try:
                    if client.get("/readyz").is_success:
                        break
                except httpx.TransportError:
                    time.sleep(0.1)
            assert client.post("/v1/predict", json={}).status_code == 401
        assert_predictions_need_only_the_address(checkout, f"https://localhost:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGTERM, stderr
    assert processes_in(checkout) == []


def assert_predictions_need_only_the_address(checkout, url):
    """The certificate authority, the user and the password of the demo are found."""
    process = espalier(checkout, "predict", "docs/example-request.json", "--url", url, "--json")
    out, stderr = process.communicate(timeout=120)

    assert process.returncode == 0, stderr
    assert json.loads(out)["predictions"][0]["label"] in ("late", "on_time")


def test_used_port_is_reported_before_a_server_starts(checkout):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = espalier(checkout, "serve", "--port", str(taken.getsockname()[1]))
        _, stderr = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "is already in use" in stderr
    assert "Traceback" not in stderr
