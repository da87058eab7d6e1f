"""One release on one cluster, as the tests use it: what people do with kubectl, helm and HTTPS."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from bundle.vocabulary import VERSION_ANNOTATION
from espalier.client import get_token, open_client
from espalier.cluster import release
from espalier.cluster.tools import Kube
from espalier.cluster.waiting import wait_for_job, wait_until

ROOT = Path(__file__).parents[2]
RELEASE = "espalier"
API = f"app.kubernetes.io/name=api,app.kubernetes.io/instance={RELEASE}"
"""Label selector of its API's pods."""

MODEL = "flight-delay"
USER = "ana"
ROW = json.loads((ROOT / "docs/example-request.json").read_text())

REGISTRY = """
import json, sys, urllib.request
def ask(path):
    with urllib.request.urlopen("http://localhost:5000/api/2.0/mlflow/" + path, timeout=20) as answer:
        return json.load(answer)
model = ask("registered-models/get?name=" + sys.argv[1])["registered_model"]
found = ask("model-versions/search?filter=name%3D%27" + sys.argv[1] + "%27")["model_versions"]
print(json.dumps({
    "aliases": {one["alias"]: one["version"] for one in model.get("aliases", [])},
    "versions": {one["version"]: {tag["key"]: tag["value"] for tag in one.get("tags", [])} for one in found},
}))
"""


def params(*, rounds: int, **booster: Any) -> str:
    """pipelines/params.yaml for a small model, as text."""
    given = yaml.safe_load((ROOT / "pipelines/params.yaml").read_text())
    given["train"]["rounds"] = rounds
    given["train"]["booster"] |= {"max_depth": 4, "eta": 0.2} | booster
    return str(yaml.safe_dump(given))


@dataclass(frozen=True)
class Registry:
    """What MLflow says about the model."""

    aliases: dict[str, str]
    versions: dict[str, dict[str, str]]

    @property
    def newest(self) -> str:
        """The number given last."""
        return str(max((int(number) for number in self.versions), default=0))


@dataclass(frozen=True)
class Platform:
    """A release in a namespace, and the address of its ingress."""

    kube: Kube
    url: str
    ca: Path
    password: str
    folder: Path

    # --- predictions -------------------------------------------------------------------------------------------------

    def client(self) -> httpx.Client:
        """A client that trusts the ingress's certificate and no other."""
        return open_client(self.url, self.ca)

    def version(self) -> str:
        """The version that answers over HTTPS now."""
        with self.client() as client:
            token = get_token(client, USER, self.password)["access_token"]
            answer = client.post("/v1/predict", json=ROW, headers={"authorization": f"Bearer {token}"})
            answer.raise_for_status()
            return str(answer.json()["model"]["version"])

    # --- training ----------------------------------------------------------------------------------------------------

    def training_job(
        self, label: str, *, rounds: int, secret: str = "", pointer: str = "", **booster: Any
    ) -> dict[str, Any]:
        """A run of the release under a name of its own, with a ConfigMap of its own for what to train.

        Args:
            secret: Secret with another signing key, model.key.pem.
        """
        name = f"params-{label}"
        data = {"params.yaml": params(rounds=rounds, **booster)} | ({"data.dvc": pointer} if pointer else {})
        self.kube.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name},
                "data": data,
            }
        )
        job = release.job(self.kube, RELEASE)
        job["metadata"]["name"] = f"training-{label}"
        # One machine holds the cluster, the runs and the load: a run takes what the API leaves.
        pod = job["spec"]["template"]["spec"]
        for container in (*pod["initContainers"], *pod["containers"]):
            container["resources"]["requests"]["cpu"], container["resources"]["limits"]["cpu"] = "50m", "1"
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        volumes["data"]["configMap"]["name"] = name
        if secret:
            volumes["signing-key"]["secret"]["secretName"] = secret
        return job

    def train(self, label: str, *, rounds: int, **booster: Any) -> None:
        """Run it to its end."""
        release.run_job(self.kube, self.training_job(label, rounds=rounds, **booster), seconds=900)

    def roll_back(self) -> None:
        """Make a Job of the rollback's CronJob, as docs/what-happens-when-it-fails.md says."""
        name = f"rollback-{secrets.token_hex(3)}"
        self.kube.kubectl("create", "job", f"--from=cronjob/{RELEASE}-training-rollback", name)
        self.wait_for_job(name, seconds=600)

    def log(self, job: str) -> str:
        """What its pods have said, every container of them."""
        return self.kube.kubectl("logs", f"job/{job}", "--tail=-1", "--all-containers", "--ignore-errors")

    def kill(self, job: str) -> None:
        """End a Job and its pod at once, without a chance to tidy up."""
        self.kube.kubectl("delete", "job", job, "--cascade=orphan")
        self.kube.kubectl("delete", "pod", "-l", f"batch.kubernetes.io/job-name={job}", "--grace-period=0", "--force")

    # --- state -------------------------------------------------------------------------------------------------------

    def registry(self) -> Registry:
        """Ask MLflow, from inside its pod: nobody else may."""
        pod = f"deployment/{RELEASE}-mlflow"
        return Registry(**json.loads(self.kube.kubectl("exec", pod, "--", "python", "-c", REGISTRY, MODEL)))

    def deployment(self) -> dict[str, Any]:
        """The API's Deployment."""
        return dict(self.kube.get("deployment", f"{RELEASE}-api"))

    def warnings(self, *arguments: str) -> str:
        """What kubectl says beside its output when it is called."""
        done = subprocess.run(self.kube.command(*arguments), capture_output=True, text=True, check=True)
        return done.stderr

    def annotation(self) -> str | None:
        """The version that the Deployment's pods are told to serve."""
        return self.deployment()["spec"]["template"]["metadata"]["annotations"].get(VERSION_ANNOTATION)

    def api_pods(self) -> list[str]:
        """Names of the API's pods that are not ending."""
        pods = self.kube.get("pods", "-l", API)["items"]
        return [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def wait_until_settled(self, seconds: float = 240) -> None:
        """Wait until every API pod is new and available."""

        def missing() -> str:
            found = self.deployment()
            status, wanted = found["status"], found["spec"].get("replicas", 1)
            counts = [status.get(f"{kind}Replicas") or 0 for kind in ("updated", "available")]
            done = counts == [wanted, wanted] and status.get("replicas") == wanted
            done = done and status["observedGeneration"] == found["metadata"]["generation"]
            return "" if done else f"updated and available: {counts} of {wanted}"

        wait_until("API settled", missing, seconds=seconds)

    def wait_for_job(self, name: str, seconds: float = 900) -> None:
        """Wait for its end."""
        wait_for_job(self.kube, name, seconds=seconds)

    # --- load --------------------------------------------------------------------------------------------------------

    def capacity(self, seconds: float) -> float:
        """Answers a second when asked as fast as clients can."""
        with self._load(0, seconds) as running:
            running.wait()
        report = running.report()
        assert not report.failures, report.failures
        return report.total / seconds

    @contextmanager
    def under_load(self, rate: float, seconds: float = 1500) -> Iterator[Running]:
        """Send ``rate`` requests a second for as long as the block lasts."""
        with self._load(rate, seconds) as running:
            time.sleep(3)
            yield running
            time.sleep(3)

    @contextmanager
    def _load(self, rate: float, seconds: float) -> Iterator[Running]:
        mark = self.folder / secrets.token_hex(4)
        command = [sys.executable, "-m", "tests.e2e.load", "--url", self.url, "--ca", str(self.ca), "--user", USER]
        command += ["--rate", str(rate), "--seconds", str(seconds)]
        command += ["--results", f"{mark}.jsonl", "--stop", f"{mark}.stop"]
        environment = {**os.environ, "LOAD_PASSWORD": self.password, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL) as process:
            running = Running(process, mark)
            try:
                yield running
            finally:
                running.stop()


@dataclass(frozen=True)
class Report:
    """What came of a load."""

    answers: Sequence[dict[str, Any]]

    @property
    def total(self) -> int:
        """How many requests were sent."""
        return len(self.answers)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Every answer that is not 200, and every request without one."""
        return [answer for answer in self.answers if answer["status"] != 200]

    def versions(self) -> list[str]:
        """Which versions answered, in the order of their first answer."""
        return list(dict.fromkeys(answer["version"] for answer in self.answers if answer["version"]))

    def __str__(self) -> str:
        """One line for people."""
        seconds = sorted(answer["seconds"] for answer in self.answers)
        at = {share: seconds[min(len(seconds) - 1, int(len(seconds) * share))] * 1000 for share in (0.5, 0.99)}
        kinds = Counter(answer["kind"] for answer in self.answers)
        return (
            f"{self.total} requests ({kinds['kept']} on kept, {kinds['new']} on new connections), "
            f"{len(self.failures)} failed, versions {', '.join(self.versions())}, "
            f"p50 {at[0.5]:.0f} ms, p99 {at[0.99]:.0f} ms"
        )


@dataclass(frozen=True)
class Running:
    """A load that is being sent."""

    process: subprocess.Popen[bytes]
    mark: Path

    def wait(self) -> None:
        """Until it ends by itself."""
        self.process.wait(120)

    def stop(self) -> None:
        """End it early, and wait for the answers that are still to come."""
        Path(f"{self.mark}.stop").touch()
        self.process.wait(120)

    def report(self) -> Report:
        """Read what came of it; only after its end."""
        assert self.process.returncode == 0, "the load generator itself failed"
        return Report([json.loads(line) for line in Path(f"{self.mark}.jsonl").read_text().splitlines()])
