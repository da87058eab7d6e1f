"""The script of `helm test`, against a server on loopback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from espalier.local.processes import free_port

SCRIPT = Path(__file__).parents[2] / "charts/espalier/charts/api/files/smoke.py"
GOOD = {"/readyz": [200], "/.well-known/jwks.json": [200], "/v1/predict": [401], "/metrics": [404]}


@pytest.fixture
def api(answering):
    """Start a server that returns the statuses of a path in turn, and then the last one."""

    def start(statuses):
        left = {path: list(these) for path, these in statuses.items()}

        def answer(path):
            these = left[path]
            return these.pop(0) if len(these) > 1 else these[0], {}

        return answering(answer)

    return start


def smoke(url, seconds):
    environment = os.environ | {"SMOKE_URL": url, "SMOKE_READY_SECONDS": str(seconds)}
    return subprocess.run(
        [sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_expected_responses_pass(api):
    done = smoke(api(GOOD), 0)

    assert (done.returncode, done.stderr) == (0, "")
    assert "prediction without a token: 401" in done.stdout


def test_api_that_becomes_ready_in_time_passes(api):
    done = smoke(api(GOOD | {"/readyz": [503, 503, 200]}), 30)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", GOOD)
def test_any_other_status_fails(api, path):
    done = smoke(api(GOOD | {path: [500]}), 0)

    assert done.returncode == 1
    assert done.stderr == f"expected {GOOD[path][0]}\n"


def test_unavailable_api_fails_without_a_traceback():
    done = smoke(f"http://127.0.0.1:{free_port()}", 0)

    assert done.returncode == 1
    assert "ready: unavailable (" in done.stdout
    assert done.stderr == "expected 200\n"
