"""Espalier's API as it runs in a pod: one worker, tokens, contract, drift and HTTP metrics, access log, no TLS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.contestants import Site
from benchmarks.environments import ESPALIER, install_project
from benchmarks.errors import BenchmarkFailed
from benchmarks.espalier_bundle import MODEL_NAME, MODEL_VERSION, feature_names, write_signed_bundle
from benchmarks.plan import Form
from benchmarks.processes import Launch
from benchmarks.registry import serving_registry
from benchmarks.workload import Rows
from bundle import write_key_pair
from espalier.local.processes import free_port

__all__ = ["Espalier"]

ROOT = Path(__file__).parents[1]
USER = "benchmark"
PASSWORD_FILE = "password"  # noqa: S105 (the name of a file)
ARROW = "application/vnd.apache.arrow.stream"
LARGEST = {"API_MAX_ROWS": "10000", "API_MAX_BODY_BYTES": str(32 * 2**20)}
"""The only settings that differ from the defaults for a pod: the benchmark's largest request has 10,000 rows."""


class Espalier:
    """The API of this checkout."""

    name = "espalier"
    title = "Espalier"
    environment = ESPALIER
    packages = ("xgboost-cpu", "fastapi", "starlette", "uvicorn")

    @contextmanager
    def launching(self, site: Site) -> Iterator[Launch]:
        """Write keys and a signed bundle, create a user, and serve a registry beside the API."""
        model_key, model_public_key = write_key_pair(site.folder / "keys", "model")
        jwt_key, _ = write_key_pair(site.folder / "keys", "jwt")
        bundle = site.folder / "bundle"
        write_signed_bundle(bundle, site.workload, model_key)
        database = f"sqlite:///{(site.folder / 'users.db').resolve()}"
        (site.folder / PASSWORD_FILE).write_text(_create_user(database), encoding="utf-8")
        with serving_registry(bundle, name=MODEL_NAME, version=MODEL_VERSION) as registry:
            metrics_port = free_port()
            environment = {
                **LARGEST,
                "API_PORT": str(site.port),
                "API_METRICS_PORT": str(metrics_port),
                "API_DATABASE_URL": database,
                "API_JWT_SIGNING_KEY_FILE": str(jwt_key),
                "API_MLFLOW_TRACKING_URI": registry,
                "API_MODEL_NAME": MODEL_NAME,
                "API_MODEL_PUBLIC_KEY_FILES": str(model_public_key),
                "API_MODEL_CACHE_DIR": str(site.folder / "cache"),
                "PYTHONPATH": str(install_project(site.folder, site.environment)),
            }
            command = [str(site.environment.python), "-m", "services.api"]
            yield Launch(command, f"{site.url}/readyz", environment, folder=site.folder)

    def path(self, _form: Form, /) -> str:
        """Return the path of predictions, which takes every form by its content type."""
        return "/v1/predict"

    def headers(self, site: Site, form: Form, /) -> Mapping[str, str]:
        """Log in, because a token lives for fifteen minutes, and return the token with the type of the body."""
        with httpx.Client(trust_env=False, timeout=10) as client:
            answer = self.log_in(site, client)
        if not answer.is_success:
            raise BenchmarkFailed(f"the API refused the login ({answer.status_code}): {answer.text[:200]}")
        kind = {"Content-Type": "application/json"} if form == "json" else {"Content-Type": ARROW, "Accept": ARROW}
        return {"Authorization": f"Bearer {answer.json()['access_token']}", **kind}

    def log_in(self, site: Site, client: httpx.Client) -> httpx.Response:
        """Ask for a token."""
        password = (site.folder / PASSWORD_FILE).read_text(encoding="utf-8")
        return client.post(f"{site.url}/v1/auth/token", data={"username": USER, "password": password})

    def encode(self, rows: Rows, form: Form, /) -> bytes:
        """Return the rows as JSON objects, or as an Arrow IPC stream with a column for each feature."""
        names = feature_names()
        if form == "json":
            body = {"rows": [dict(zip(names, row, strict=True)) for row in rows.tolist()]}
            return json.dumps(body, separators=(",", ":")).encode()
        import pyarrow as pa

        table = pa.table({name: pa.array(column) for name, column in zip(names, rows.T, strict=True)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    def decode(self, body: bytes, form: Form, /) -> list[float]:
        """Return the probabilities of an answer."""
        if form == "json":
            return [prediction["probability"] for prediction in json.loads(body)["predictions"]]
        import pyarrow as pa

        with pa.ipc.open_stream(body) as reader:
            return [float(value) for value in reader.read_all().column("probability").to_pylist()]


def _create_user(database: str) -> str:
    """Create the user with the command for it, and return the password that it prints."""
    command = [sys.executable, "-c", "from espalier.cli.main import main; main()", "users", "create", USER]
    command += ["--scope", "predict", "--database", database, "--json"]
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkFailed(f"cannot create the benchmark's user: {done.stderr.strip()}")
    return str(json.loads(done.stdout)["password"])
