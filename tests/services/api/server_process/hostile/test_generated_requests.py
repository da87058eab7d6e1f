"""Requests that Schemathesis generates from the OpenAPI document, sent to a running API.

By hand with more of them: FUZZING_EXAMPLES=300 FUZZING_SECONDS=600 python -m pytest THIS_FILE
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.api.server_process.hostile.conftest import NAME

HERE = Path(__file__).parent
ROOT = HERE.parents[4]
EXAMPLES, SECONDS = os.environ.get("FUZZING_EXAMPLES", "10"), int(os.environ.get("FUZZING_SECONDS", "240"))


@pytest.mark.slow
def test_generated_requests_are_answered_as_described(api):
    command = [str(Path(sys.executable).with_name("st")), "--config-file", str(HERE / "schemathesis.toml"), "run"]
    command += [f"{api.url}/openapi.json", "--header", f"Authorization: Bearer {api.token}", "--checks", "all"]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", EXAMPLES]
    command += ["--seed", "7", "--no-color"]
    environment = {**os.environ, "FUZZING_USER": NAME, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 25" in done.stdout
