"""A stand-in for MLflow's REST API, with one registered version: the API under test asks it at its start.

The real server would take ten seconds to start and a share of the machine, and no prediction asks it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ["serving_registry"]

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
FOLDER = "1/run/artifacts/bundle"


@contextmanager
def serving_registry(bundle: Path, *, name: str, version: str) -> Iterator[str]:
    """Serve the bundle's files as a version with the alias champion; yield the URI for API_MLFLOW_TRACKING_URI."""
    answers = _answers(bundle, name, version)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            content = _file(bundle, path) if path.startswith(f"{ARTIFACTS}/") else _json(answers.get(path))
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _answers(bundle: Path, name: str, version: str) -> dict[str, dict[str, Any]]:
    files = [{"path": file.name, "is_dir": False, "file_size": file.stat().st_size} for file in bundle.iterdir()]
    registered = {
        "name": name,
        "version": version,
        "creation_timestamp": int(time.time() * 1000),
        "tags": [{"key": "gate", "value": "passed"}],
    }
    return {
        f"{API}/registered-models/get": {
            "registered_model": {"name": name, "aliases": [{"alias": "champion", "version": version}]}
        },
        f"{API}/model-versions/search": {"model_versions": [registered]},
        f"{API}/model-versions/get": {"model_version": registered},
        f"{API}/model-versions/get-download-uri": {"artifact_uri": f"mlflow-artifacts:/{FOLDER}"},
        ARTIFACTS: {"files": files},
    }


def _file(bundle: Path, path: str) -> bytes | None:
    file = bundle / Path(path).name
    return file.read_bytes() if file.is_file() else None


def _json(answer: dict[str, Any] | None) -> bytes | None:
    return None if answer is None else json.dumps(answer).encode()
