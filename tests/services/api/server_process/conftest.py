"""The API as its own process, with a registry with a champion, settings, TLS and a user."""

import os
import ssl
import subprocess
import sys
from contextlib import closing

import httpx
import pytest

from espalier.local.certificates import write_certificates
from espalier.local.processes import free_port
from services.api.auth.users import open_user_store


@pytest.fixture(scope="session")
def register(mlflow, tmp_path_factory, make_bundle):
    """Make a small model the champion of a name."""
    import mlflow as package

    def make(name, **options):
        folder = make_bundle(tmp_path_factory.mktemp("bundle"), name=name, version="1", **options)
        client = package.MlflowClient(tracking_uri=mlflow.uri)
        run_id = client.create_run(client.create_experiment(name)).info.run_id
        client.log_artifacts(run_id, str(folder), "bundle")
        client.create_registered_model(name)
        source = f"{client.get_run(run_id).info.artifact_uri}/bundle"
        version = client.create_model_version(name, source, run_id, tags={"gate": "passed"}).version
        client.set_registered_model_alias(name, "champion", version)
        return name

    return make


@pytest.fixture(scope="session")
def registered(register):
    """The small model as the champion of a name."""
    return register("process")


@pytest.fixture
def environment(registered, mlflow, keys, tmp_path):
    write_certificates(ca=tmp_path / "ca.pem", certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    return {
        "API_PORT": str(free_port()),
        "API_METRICS_PORT": str(free_port()),
        "API_WORKERS": "2",
        "API_TLS_CERT_FILE": str(tmp_path / "cert.pem"),
        "API_TLS_KEY_FILE": str(tmp_path / "key.pem"),
        "API_DATABASE_URL": f"sqlite:///{tmp_path}/users.db",
        "API_JWT_SIGNING_KEY_FILE": str(keys.private),
        "API_MLFLOW_TRACKING_URI": mlflow.uri,
        "API_MODEL_NAME": registered,
        "API_MODEL_PUBLIC_KEY_FILES": str(keys.public),
        "API_MODEL_CACHE_DIR": str(tmp_path / "cache"),
        "API_HASH_MEMORY_KIB": "12288",
        "API_REGISTRY_RETRIES": "0",
    }


@pytest.fixture
def start(environment):
    started = []

    def run(**changes):
        merged = {**os.environ, **environment, **changes}
        command = [sys.executable, "-m", "services.api"]
        started.append(
            subprocess.Popen(command, env=merged, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return started[-1]

    yield run
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def secure(environment, tmp_path):
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with httpx.Client(base_url=f"https://localhost:{environment['API_PORT']}", verify=context, timeout=10) as client:
        yield client


@pytest.fixture
def headers(environment, secure, passwords):
    """Log in once the API is up; a new connection for each request, so that both workers get some."""

    def log_in(scopes=("predict",)):
        with closing(open_user_store(environment["API_DATABASE_URL"])) as store:
            store.create("ana", passwords.hash("grafted quince"), list(scopes))
        answer = secure.post("/v1/auth/token", data={"username": "ana", "password": "grafted quince"})
        return {"Authorization": f"Bearer {answer.json()['access_token']}", "Connection": "close"}

    return log_in
