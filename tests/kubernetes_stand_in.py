"""In the place of a Kubernetes API server: one Lease and one Deployment over HTTP, with its rule for concurrent writes.

A merge patch that names a resourceVersion is refused with 409 when the object is of another one.
The Deployment's controller is instant: what is written is up at once.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import yaml

from tests.http_server import serving

LEASE = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/promotion"
DEPLOYMENT = "/apis/apps/v1/namespaces/ns/deployments/api"
DONE = {"observedGeneration": 1, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}


class ApiServer:
    """Two objects, what was written to them, and the failures to come."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.version = 1
        meta = {"namespace": "ns", "resourceVersion": "1", "labels": {"helm": "yes"}}
        self.objects = {
            LEASE: {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": "promotion", **meta},
            },
            DEPLOYMENT: {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "api", "generation": 1, **meta},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"app": "api"}},
                    "template": {"metadata": {"annotations": {}}},
                },
                "status": DONE,
            },
        }
        self.patches: list[tuple[str, dict]] = []
        self.statuses: list[int] = []
        """Answers to the next calls: 0 drops the connection after the work is done; 200 is an ordinary answer."""

    @property
    def lease(self) -> dict:
        return self.objects[LEASE].get("spec", {})

    def set_lease(self, **spec: object) -> None:
        """Write as another holder would."""
        with self.guard:
            self._merge(LEASE, {"spec": spec})

    def answer(self, path: str, patch: dict | None) -> tuple[int, dict]:
        """Do what is asked; 0 where the answer is to be lost."""
        with self.guard:
            status = self.statuses.pop(0) if self.statuses else 200
            if status not in (0, 200):
                return status, {}
            if path not in self.objects:
                return 404, {}
            if patch is not None:
                wanted = patch.get("metadata", {}).pop("resourceVersion", None)
                if wanted not in (None, self.objects[path]["metadata"]["resourceVersion"]):
                    return 409, {"reason": "Conflict"}
                self.patches.append((path, json.loads(json.dumps(patch))))
                self._merge(path, patch)
            return status, json.loads(json.dumps(self.objects[path]))

    def _merge(self, path: str, patch: dict) -> None:
        self.version += 1
        merge(self.objects[path], patch)
        self.objects[path]["metadata"]["resourceVersion"] = str(self.version)


def merge(target: dict, patch: dict) -> None:
    """RFC 7386, in place."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


@contextmanager
def api_server(folder: Path) -> Iterator[tuple[ApiServer, Path]]:
    """Run one on loopback; gives it and a kubeconfig that names it."""
    state = ApiServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_PATCH(self) -> None:
            assert "merge-patch" in self.headers["content-type"]
            self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _answer(self, patch: dict | None) -> None:
            status, found = state.answer(self.path.partition("?")[0], patch)
            if status == 0:
                self.close_connection = True
                return
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with serving(Handler) as url:
        yield state, write_kubeconfig(folder, url)


def write_kubeconfig(folder: Path, url: str) -> Path:
    """Write a kubeconfig that names the server."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path
