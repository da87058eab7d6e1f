"""One running API for all hostile requests, with a token. A stand-in for the registry: what is asked is HTTP."""

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from benchmarks.registry import serving_registry
from espalier.local.processes import free_port
from services.api.auth.passwords.hashing import Passwords
from services.api.auth.users import open_user_store
from tests.services.api.server_process.running import end, wait_until_ready

MODEL = "orchard"
NAME, PASSWORD = "ana", "grafted quince"
SCOPES = ("predict", "model:read", "feedback:write", "users:admin")
MEMORY_KIB = 12288


@dataclass(frozen=True)
class RunningApi:
    """An API that answers, and what a client needs."""

    process: subprocess.Popen
    port: int
    environment: dict
    token: str
    folder: Path

    @property
    def url(self):
        return f"http://localhost:{self.port}"


@pytest.fixture(scope="module")
def settings_of_api():
    """More variables of the environment; a module may have its own."""
    return {}


@pytest.fixture(scope="module")
def api(tmp_path_factory, make_bundle, keys, settings_of_api):
    folder = tmp_path_factory.mktemp("hostile")
    bundle = make_bundle(folder / "bundle", name=MODEL, version="1")
    with serving_registry(bundle, name=MODEL, version="1") as registry, (folder / "log").open("w") as log:
        environment = {
            "API_PORT": str(free_port()),
            "API_METRICS_PORT": str(free_port()),
            "API_DATABASE_URL": f"sqlite:///{folder}/users.db",
            "API_JWT_SIGNING_KEY_FILE": str(keys.private),
            "API_MLFLOW_TRACKING_URI": registry,
            "API_MODEL_NAME": MODEL,
            "API_MODEL_PUBLIC_KEY_FILES": str(keys.public),
            "API_MODEL_CACHE_DIR": str(folder / "cache"),
            "API_HASH_MEMORY_KIB": str(MEMORY_KIB),
            "API_DOCS_ENABLED": "true",
            "API_MAX_WAIT_SECONDS": "60",  # no 503 because this machine is slow
            **settings_of_api,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "services.api"],
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            url = f"http://localhost:{environment['API_PORT']}"
            with httpx.Client(base_url=url, timeout=10) as client:
                wait_until_ready(client, process)
                token = _log_in(client, environment)
            yield RunningApi(process, int(environment["API_PORT"]), environment, token, folder)
        finally:
            end(process)


def _log_in(client, environment):
    with closing(open_user_store(environment["API_DATABASE_URL"])) as store:
        store.create(NAME, Passwords(memory_kib=MEMORY_KIB).hash(PASSWORD), SCOPES)
    return client.post("/v1/auth/token", data={"username": NAME, "password": PASSWORD}).json()["access_token"]
