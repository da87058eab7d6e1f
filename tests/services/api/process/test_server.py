"""Exit codes of the parent when its workers cannot start."""

import subprocess
import sys

import pytest
from gunicorn.arbiter import Arbiter

from espalier.local.processes import free_port
from services.api.errors import BundleRefused, DatabaseUnavailable, StartupFailed
from services.api.process.arbiter import EXIT_CODES
from services.api.process.server import ApiServer
from services.api.settings import Settings
from services.api.startup import server_options

SERVE = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from services.api.internal.bundle_server import BundleServer
from services.api.model.source import ServedBundle
from services.api.draining import Drain
from services.api.errors import BundleRefused, StartupFailed
from services.api.internal.ports import InternalPorts
from services.api.internal.metrics_server import MetricsServer
from services.api.metrics.shared import SharedMetrics
from services.api.process.server import ApiServer
from services.api.settings import Settings
from services.api.startup import dependency_monitor, internal_address, server_options

folder = Path(sys.argv[1])
settings = Settings(
    port=int(sys.argv[2]), metrics_port=int(sys.argv[3]), workers=3,
    jwt_signing_key_file="x", model_public_key_files="x", mlflow_tracking_uri="x", model_name="x",
)

def load_app():
    raise ERROR

served = ServedBundle("x", "1", folder, "registry")
internal = InternalPorts(MetricsServer(CollectorRegistry()), BundleServer(served), internal_address(settings))
monitor = dependency_monitor(settings, "1")
ApiServer(server_options(settings), load_app, internal, monitor, Drain(), SharedMetrics()).run()
"""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("BundleRefused('altered')", 3),
        ("StartupFailed('no key')", 2),
        ("RuntimeError('an internal error')", 2),
        ("SystemExit(3)", 2),  # uvicorn's worker uses gunicorn's codes
    ],
)
def test_parent_exits_with_the_code_of_a_failed_worker(tmp_path, error, code):
    command = [sys.executable, "-c", SERVE.replace("ERROR", error), str(tmp_path), str(free_port()), str(free_port())]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == code, ended.stdout + ended.stderr
    if "'" in error:
        assert error.split("'")[1] in ended.stdout


def test_exit_codes_match_the_documentation():
    assert (StartupFailed.exit_code, DatabaseUnavailable.exit_code, BundleRefused.exit_code) == (2, 2, 3)
    assert EXIT_CODES == {Arbiter.WORKER_BOOT_ERROR: 2, Arbiter.APP_LOAD_ERROR: 3}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StartupFailed("no key"), Arbiter.WORKER_BOOT_ERROR),
        (DatabaseUnavailable("no answer"), Arbiter.WORKER_BOOT_ERROR),
        (BundleRefused("altered"), Arbiter.APP_LOAD_ERROR),
    ],
)
def test_failed_worker_exits_with_gunicorns_code(settings, error, code):
    def load_app():
        raise error

    with pytest.raises(SystemExit) as ended:
        ApiServer(server_options(settings), load_app, None, None, None, None).load()

    assert ended.value.code == code


def test_keep_alive_is_longer_than_that_of_proxies(settings):
    server = ApiServer(server_options(settings), None, None, None, None, None)

    assert Settings.model_fields["keep_alive_seconds"].default > 90, "Traefik's default; nginx has 60"
    assert server.cfg.keepalive == settings.keep_alive_seconds
