"""What the parent ends with when its workers cannot start."""

import socket
import subprocess
import sys

import pytest

SERVE = """
import os, sys
from pathlib import Path
os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
from services.api.bundles import ServedBundle
from services.api.draining import Drain
from services.api.errors import BundleRefused, StartupFailed
from services.api.metrics_server import MetricsServer
from services.api.server import ApiServer
from services.api.settings import Settings
from services.api.watch import Watch

folder = Path(sys.argv[1])
settings = Settings(
    port=int(sys.argv[2]), metrics_port=int(sys.argv[3]), workers=3,
    jwt_signing_key_file="x", model_public_key_files="x", mlflow_tracking_uri="x", model_name="x",
)

def load_app():
    raise ERROR

served = ServedBundle("x", "1", folder, "registry")
ApiServer(settings, load_app, MetricsServer(folder, served), Watch(settings, served), Drain()).run()
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("BundleRefused('altered')", 3),
        ("StartupFailed('no key')", 2),
        ("RuntimeError('a fault of ours')", 2),
        ("SystemExit(3)", 2),  # uvicorn's worker, which knows gunicorn's numbers
    ],
)
def test_parent_ends_with_the_code_of_a_worker_that_cannot_start(tmp_path, error, code):
    command = [sys.executable, "-c", SERVE.replace("ERROR", error), str(tmp_path), free_port(), free_port()]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == code, ended.stdout + ended.stderr
    if "'" in error:
        assert error.split("'")[1] in ended.stdout
