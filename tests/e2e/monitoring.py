"""Prometheus and Slack for the tests: the real server over its HTTP API, and what reaches the webhook."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from espalier.cluster import waiting
from espalier.cluster.tools import Kube
from tests.e2e.pods import WEBHOOK, listening_pod, printed

URL = f"http://{WEBHOOK}:8080"
ADDRESSES = {"platform-url": f"{URL}/platform", "model-url": f"{URL}/model", "heartbeat-url": f"{URL}/heartbeat"}
PROMETHEUS = "app.kubernetes.io/name=prometheus"
"""Label selector of its pods."""

T = TypeVar("T")
SCRIPT = (Path(__file__).parent / "slack.py").read_text()


@dataclass(frozen=True)
class Message:
    """One message from Alertmanager."""

    at: float
    channel: str
    title: str
    text: str

    @property
    def alert(self) -> str:
        """The name of the alert, from the title."""
        return self.title.split()[1]


@dataclass(frozen=True)
class Monitoring:
    """The monitoring of one namespace."""

    kube: Kube
    prometheus: str
    """URL of its HTTP API."""

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an instant query."""
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params={"query": expression}, timeout=30)
        answer.raise_for_status()
        return list(answer.json()["data"]["result"])

    def rules(self) -> list[dict[str, Any]]:
        """Return every rule of this namespace that Prometheus has loaded."""
        groups = httpx.get(f"{self.prometheus}/api/v1/rules", timeout=30).json()["data"]["groups"]
        return [rule for group in groups if self.kube.namespace in group["file"] for rule in group["rules"]]

    def messages(self) -> list[Message]:
        """Return every message that has reached Slack."""
        return [
            Message(request["at"], request["path"].strip("/"), attachment["title"], attachment["text"])
            for request in printed(self.kube, WEBHOOK)
            for attachment in request["body"].get("attachments", [])
        ]

    def heartbeats(self) -> list[float]:
        """Return the times at which a heartbeat arrived."""
        return [request["at"] for request in printed(self.kube, WEBHOOK) if request["path"] == "/heartbeat"]

    def wait_for(self, title: str, *, since: float, seconds: float) -> Message:
        """Wait for a message whose title starts with ``title``."""
        return wait_until(
            lambda: next((one for one in self.messages() if one.at > since and one.title.startswith(title)), None),
            seconds,
            lambda: f"no message {title!r}; firing: {self._firing()}; sent: {[one.title for one in self.messages()]}",
        )

    def _firing(self) -> list[str]:
        return [one["metric"]["alertname"] for one in self.query('ALERTS{alertstate="firing"}')]


def wait_until(probe: Callable[[], T | None], seconds: float, failure: Callable[[], str]) -> T:
    """Call ``probe`` until it returns something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (result := probe()) is not None:
            return result
        time.sleep(2)
    raise AssertionError(failure())


def webhook() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the pod that receives messages, and its Service."""
    return listening_pod(WEBHOOK, 8080, SCRIPT)


@contextmanager
def forwarded(kube: Kube, name: str, port: int) -> Iterator[str]:
    """Forward a port of this machine to a Service, and yield the URL."""
    command = kube.command("port-forward", f"service/{name}", f":{port}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            port_here = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert port_here, f"kubectl port-forward printed {line!r}"
            yield f"http://127.0.0.1:{port_here[1]}"
        finally:
            process.terminate()


@contextmanager
def connected(kube: Kube) -> Iterator[Monitoring]:
    """Wait for Prometheus, and connect to it until the block ends: the port-forward ends with its pod."""
    waiting.wait_until("Prometheus", lambda: _not_ready(kube), seconds=300)
    with forwarded(kube, "prometheus-operated", 9090) as prometheus:
        yield Monitoring(kube, prometheus)


def stop_prometheus(kube: Kube) -> None:
    """Scale Prometheus to zero through its operator. Its volume is an emptyDir here: what it measured is lost."""
    _scale_prometheus(kube, 0)
    kube.kubectl("wait", "--for=delete", "pod", "-l", PROMETHEUS, "--timeout=180s")


def start_prometheus(kube: Kube) -> None:
    """Start Prometheus again, and wait until it is ready."""
    _scale_prometheus(kube, 1)
    waiting.wait_until("Prometheus", lambda: _not_ready(kube), seconds=300)


def _scale_prometheus(kube: Kube, replicas: int) -> None:
    name = kube.kubectl("get", "prometheus", "-o", "name").strip()
    kube.kubectl("patch", name, "--type=merge", "-p", json.dumps({"spec": {"replicas": replicas}}))


def _not_ready(kube: Kube) -> str:
    pods = kube.get("pods", "-l", PROMETHEUS)["items"]
    conditions = [condition for pod in pods for condition in pod["status"].get("conditions", [])]
    ready = [condition for condition in conditions if condition["type"] == "Ready" and condition["status"] == "True"]
    return "" if pods and len(ready) == len(pods) else f"{len(ready)} of {len(pods)} pods are ready"
