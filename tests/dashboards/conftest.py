"""Servers with Prometheus' HTTP API: a fake, and a real one if its binary is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from espalier.local.processes import free_port
from tests.dashboards.example import make
from tests.http_server import serving
from tests.promql import result_labels

NUMBERS = {"le": ("0.1", "+Inf"), "low": ("10", "20")}
"""Labels that have numbers as their values."""


class FakePrometheus(BaseHTTPRequestHandler):
    """Answers every query with two series that have the labels of the query's result, and records the queries."""

    asked: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.asked.append((url.path, query))
        if url.path.endswith("/values"):
            return self._answer(["b10", "b9"])
        if query["query"].startswith("scalar"):
            return self._answer({"resultType": "scalar", "result": [60, "3"]})
        if query["query"] == "wrong(":
            return self._answer(None, error="parse error: unclosed left parenthesis")
        found = [self._series(url.path, query, place) for place in (2, 1)]
        return self._answer({"resultType": "matrix" if "range" in url.path else "vector", "result": found})

    def _series(self, path: str, query: dict[str, str], place: int) -> dict[str, object]:
        labels = {name: f"{name} {place}" for name in {"pod", *result_labels(query["query"])}}
        labels |= {name: values[place - 1] for name, values in NUMBERS.items() if name in labels}
        if path.endswith("query_range"):
            start, step = float(query["start"]), float(query["step"])
            return {"metric": labels, "values": [[start + step * at, str(place * at)] for at in range(3)]}
        return {"metric": labels, "value": [float(query["time"]), str(place)]}

    def _answer(self, data: object, error: str = "") -> None:
        body = json.dumps({"status": "error", "error": error} if error else {"status": "success", "data": data})
        self.send_response(400 if error else 200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def asked() -> list[tuple[str, dict[str, str]]]:
    """The requests to the fake server: path and parameters."""
    return []


@pytest.fixture
def fake_prometheus(asked: list[tuple[str, dict[str, str]]]) -> Iterator[str]:
    handler = type("Handler", (FakePrometheus,), {"asked": asked})
    with serving(handler) as url:
        yield url


@pytest.fixture(scope="session")
def real_prometheus(tmp_path_factory: pytest.TempPathFactory, need: Callable[[str], str]) -> Iterator[str]:
    """A real server with the metrics of an example release. Skipped without a binary; the e2e tests have one."""
    program, promtool = shutil.which("prometheus"), need("promtool")
    if program is None:
        pytest.skip("prometheus is not on PATH: the dashboards were not tested against a real one")
    folder = tmp_path_factory.mktemp("prometheus")
    now = time.time() // 60 * 60
    make(folder / "metrics.txt", now - 3 * 3600, now)
    importing = [promtool, "tsdb", "create-blocks-from", "openmetrics", folder / "metrics.txt", folder / "data"]
    subprocess.run(importing, check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("global: {}\n")
    url = f"127.0.0.1:{free_port()}"
    arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    process = subprocess.Popen(
        [program, *arguments, f"--web.listen-address={url}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(f"http://{url}")
        yield f"http://{url}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str) -> None:
    for _ in range(150):
        try:
            if httpx.get(f"{url}/-/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail("Prometheus did not start")
