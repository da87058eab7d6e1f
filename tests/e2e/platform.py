"""One release on one cluster, used as an operator and a client use it: with kubectl, helm and HTTPS."""

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
from espalier.client import Client, Retries, trust
from espalier.cluster import release
from espalier.cluster.tools import Kube
from espalier.cluster.waiting import wait_for_job, wait_until
from pipelines.promotion.rollout_progress import desired_pods, is_complete, progress
from tests.e2e.registry import Registry, delete_model, read_registry, read_runs, set_champion

ROOT = Path(__file__).parents[2]
RELEASE = "espalier"
API = f"app.kubernetes.io/name=api,app.kubernetes.io/instance={RELEASE}"
"""Label selector of its API's pods."""

USER = "ana"
ROW = json.loads((ROOT / "docs/example-request.json").read_text())


def params(*, rounds: int, engine: str = "local", **booster: Any) -> str:
    """pipelines/params.yaml for a small model, as text.

    What follows a verdict is tested, not the statistics: as if rows were independent, and with any gain, a model of
    more rounds passes also in the tenth comparison with the same champion.
    """
    content = yaml.safe_load((ROOT / "pipelines/params.yaml").read_text())
    content["train"] |= {"rounds": rounds, "engine": engine}
    content["train"]["booster"] |= {"max_depth": 4, "eta": 0.2} | booster
    content["register"]["gate"] |= {"block": "row", "min_improvement": 0.0}
    return str(yaml.safe_dump(content))


@dataclass(frozen=True)
class Platform:
    """A release in a namespace, and the URL of its ingress."""

    kube: Kube
    url: str
    ca: Path
    password: str
    folder: Path

    # --- predictions -------------------------------------------------------------------------------------------------

    def client(self) -> httpx.Client:
        """An HTTP client that trusts only the ingress's certificate."""
        return httpx.Client(base_url=self.url, verify=trust(self.ca), timeout=30)

    def token(self) -> str:
        """Log in as the first user, and return the access token."""
        with self.user() as client:
            return str(client.log_in()["access_token"])

    def user(self) -> Client:
        """A client of the API that repeats nothing."""
        once = Retries(attempts=1)
        return Client(self.url, username=USER, password=self.password, ca=self.ca, retries=once)

    def version(self) -> str:
        """Ask for a prediction over HTTPS, and return the model version that answered."""
        with self.user() as client:
            return client.predict(ROW["rows"]).model.version

    # --- training ----------------------------------------------------------------------------------------------------

    def training_job(
        self,
        label: str,
        *,
        rounds: int,
        engine: str = "local",
        secret: str = "",
        pointer: str = "",
        **booster: Any,
    ) -> dict[str, Any]:
        """Return a training Job of the release with its own name, and create its own ConfigMap of parameters.

        Args:
            secret: Secret with another signing key, model.key.pem.
            pointer: text of another .dvc pointer.
        """
        name = f"params-{label}"
        data = {"params.yaml": params(rounds=rounds, engine=engine, **booster)} | (
            {"data.dvc": pointer} if pointer else {}
        )
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
        # One machine holds the cluster, the runs and the load: a run gets the CPU time that the API leaves.
        pod = job["spec"]["template"]["spec"]
        for container in (*pod["initContainers"], *pod["containers"]):
            container["resources"]["requests"]["cpu"], container["resources"]["limits"]["cpu"] = "50m", "1"
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        volumes["data"]["configMap"]["name"] = name
        if secret:
            volumes["signing-key"]["secret"]["secretName"] = secret
        return job

    def train(self, label: str, *, rounds: int, **booster: Any) -> None:
        """Run a training Job until it is complete."""
        release.run_job(self.kube, self.training_job(label, rounds=rounds, **booster), seconds=900)

    def roll_back(self) -> None:
        """Create a Job from the rollback's CronJob and wait for it, as an operator rolls back."""
        name = f"rollback-{secrets.token_hex(3)}"
        self.kube.kubectl("create", "job", f"--from=cronjob/{RELEASE}-training-rollback", name)
        self.wait_for_job(name, seconds=600)

    def log(self, job: str) -> str:
        """The log of every container of a Job's pods."""
        return self.kube.kubectl("logs", f"job/{job}", "--tail=-1", "--all-containers", "--ignore-errors")

    def kill(self, job: str) -> None:
        """Delete a Job and kill its pod at once, without a grace period."""
        self.kube.kubectl("delete", "job", job, "--cascade=orphan")
        self.kube.kubectl("delete", "pod", "-l", f"batch.kubernetes.io/job-name={job}", "--grace-period=0", "--force")

    # --- state -------------------------------------------------------------------------------------------------------

    def registry(self) -> Registry:
        """What MLflow has of the model now."""
        return read_registry(self.kube, RELEASE)

    def runs(self) -> dict[str, str]:
        """The status of every run that MLflow has of the model, newest first."""
        return read_runs(self.kube, RELEASE)

    def reset_champion(self, version: str) -> None:
        """Make a version the champion and remove the other aliases, as if it was the only one ever promoted."""
        set_champion(self.kube, RELEASE, version)
        self.annotate(version)

    def remove_model(self) -> None:
        """Delete the model with all its versions, and restart the API's pods: they have nothing to serve.

        Scaled to zero first: a rollout would keep the old pods, which serve, until the new ones are ready.
        """
        deployment = f"deployment/{RELEASE}-api"
        self.kube.kubectl("scale", "--replicas=0", deployment)
        self.kube.kubectl("wait", "--for=delete", "pod", "-l", API, "--timeout=180s")
        self.annotate(None)
        delete_model(self.kube, RELEASE)
        self.kube.kubectl("delete", "job", f"{RELEASE}-training", "--ignore-not-found", "--wait")
        self.kube.kubectl("scale", f"--replicas={self.min_replicas()}", deployment)

    def deployment(self) -> dict[str, Any]:
        """The Deployment of the API."""
        return dict(self.kube.get("deployment", f"{RELEASE}-api"))

    def warnings(self, *arguments: str) -> str:
        """Run kubectl, and return its standard error, where its warnings are."""
        done = subprocess.run(self.kube.command(*arguments), capture_output=True, text=True, check=True)
        return done.stderr

    def annotation(self) -> str | None:
        """The model version in the annotation of the Deployment's pod template."""
        return self.deployment()["spec"]["template"]["metadata"]["annotations"].get(VERSION_ANNOTATION)

    def annotate(self, version: str | None) -> None:
        """Write that annotation, or remove it."""
        patch = {"spec": {"template": {"metadata": {"annotations": {VERSION_ANNOTATION: version}}}}}
        self.kube.kubectl("patch", "deployment", f"{RELEASE}-api", "--type=merge", "-p", json.dumps(patch))

    def min_replicas(self) -> int:
        """How many pods the autoscaler keeps without load."""
        return int(self.kube.get("hpa", f"{RELEASE}-api")["spec"]["minReplicas"])

    def api_pods(self) -> list[str]:
        """Names of the API's pods, without those that are being deleted."""
        pods = self.kube.get("pods", "-l", API)["items"]
        return [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def wait_until_settled(self, seconds: float = 240) -> None:
        """Wait until every pod of the API is of the newest revision and available."""
        wait_until("API settled", lambda: self._unsettled(self.deployment()), seconds=seconds)

    def wait_until_at_rest(self, seconds: float = 420) -> None:
        """Wait until the API is settled with as many pods as the autoscaler keeps without load."""
        least = self.min_replicas()
        if self.deployment()["spec"]["replicas"] < least:  # an autoscaler leaves 0 alone
            self.kube.kubectl("scale", f"--replicas={least}", f"deployment/{RELEASE}-api")

        def missing() -> str:
            deployment = self.deployment()
            replicas = deployment["spec"]["replicas"]
            return self._unsettled(deployment) or (f"{replicas} pods, not yet {least}" if replicas != least else "")

        wait_until("API at rest", missing, seconds=seconds)

    @staticmethod
    def _unsettled(deployment: dict[str, Any]) -> str:
        status = deployment["status"]
        done = is_complete(deployment, without_pods=True) and status.get("replicas", 0) == desired_pods(deployment)
        done = done and status["observedGeneration"] == deployment["metadata"]["generation"]
        return "" if done else progress(deployment)

    def wait_for_job(self, name: str, seconds: float = 900) -> None:
        """Wait until a Job is complete."""
        wait_for_job(self.kube, name, seconds=seconds)

    # --- load --------------------------------------------------------------------------------------------------------

    def capacity(self, seconds: float) -> float:
        """Measure the answers a second to clients that send as fast as they can."""
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
    """The answers to a load."""

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
        """The model versions that answered, in the order of their first answer."""
        return list(dict.fromkeys(answer["version"] for answer in self.answers if answer["version"]))

    def __str__(self) -> str:
        """Summarise it in one line."""
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
    """A running load generator."""

    process: subprocess.Popen[bytes]
    mark: Path

    def wait(self) -> None:
        """Wait until it has sent everything."""
        self.process.wait(120)

    def stop(self) -> None:
        """Stop it early, and wait for the outstanding answers."""
        Path(f"{self.mark}.stop").touch()
        self.process.wait(120)

    def report(self) -> Report:
        """Read its answers, after it has stopped."""
        assert self.process.returncode == 0, "the load generator itself failed"
        return Report([json.loads(line) for line in Path(f"{self.mark}.jsonl").read_text().splitlines()])
