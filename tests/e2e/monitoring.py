"""Prometheus and Slack, as the tests see them: the real server by its HTTP API, and what reaches the webhook."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from espalier.cluster.tools import Kube
from tests.e2e.pods import WEBHOOK, listening_pod, printed

URL = f"http://{WEBHOOK}:8080"
ADDRESSES = {"platform-url": f"{URL}/platform", "model-url": f"{URL}/model", "heartbeat-url": f"{URL}/heartbeat"}
T = TypeVar("T")
SCRIPT = (Path(__file__).parent / "slack.py").read_text()


@dataclass(frozen=True)
class Message:
    """One message of Alertmanager."""

    at: float
    channel: str
    title: str
    text: str

    @property
    def alert(self) -> str:
        """The name in the title."""
        return self.title.split()[1]


@dataclass(frozen=True)
class Monitoring:
    """The monitoring of one namespace."""

    kube: Kube
    prometheus: str
    """Address of its HTTP API."""

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
            Message(sent["at"], sent["path"].strip("/"), one["title"], one["text"])
            for sent in printed(self.kube, WEBHOOK)
            for one in sent["body"].get("attachments", [])
        ]

    def heartbeats(self) -> list[float]:
        """Return when the watchdog was heard."""
        return [sent["at"] for sent in printed(self.kube, WEBHOOK) if sent["path"] == "/heartbeat"]

    def wait_for(self, title: str, *, since: float, seconds: float) -> Message:
        """Wait for a message whose title begins so."""
        return wait_until(
            lambda: next((one for one in self.messages() if one.at > since and one.title.startswith(title)), None),
            seconds,
            lambda: f"no message {title!r}; firing: {self._firing()}; sent: {[one.title for one in self.messages()]}",
        )

    def _firing(self) -> list[str]:
        return [one["metric"]["alertname"] for one in self.query('ALERTS{alertstate="firing"}')]


def wait_until(probe: Callable[[], T | None], seconds: float, failure: Callable[[], str]) -> T:
    """Ask until there is an answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := probe()) is not None:
            return found
        time.sleep(2)
    raise AssertionError(failure())


def webhook() -> tuple[dict[str, Any], dict[str, Any]]:
    """The pod that takes messages, and its Service."""
    return listening_pod(WEBHOOK, 8080, SCRIPT)


@contextmanager
def forwarded(kube: Kube, name: str, port: int) -> Iterator[str]:
    """Open a Service to this machine alone, and give its address."""
    command = kube.command("port-forward", f"service/{name}", f":{port}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, f"kubectl port-forward said {line!r}"
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()
