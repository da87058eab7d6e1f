"""The model registry of a release, read and changed from inside MLflow's pod: its network policy admits no test."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bundle.vocabulary import CHALLENGER, CHAMPION, PREVIOUS
from espalier.cluster.tools import Kube

MODEL = "flight-delay"
FIRST_VERSION = "1"

READ = """
import json, sys, urllib.parse, urllib.request
def ask(path):
    condition = "?filter=" + urllib.parse.quote("name = '" + sys.argv[1] + "'")
    with urllib.request.urlopen("http://localhost:5000/api/2.0/mlflow/" + path + condition, timeout=20) as answer:
        return json.load(answer)
models = ask("registered-models/search").get("registered_models", [])
versions = ask("model-versions/search").get("model_versions", [])
print(json.dumps({
    "aliases": {alias["alias"]: alias["version"] for model in models for alias in model.get("aliases", [])},
    "versions": {one["version"]: {tag["key"]: tag["value"] for tag in one.get("tags", [])} for one in versions},
}))
"""
RUNS = """
import json, sys, urllib.parse, urllib.request
def ask(path, body=None):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request("http://localhost:5000/api/2.0/mlflow/" + path, body, headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)
found = ask("experiments/get-by-name?experiment_name=" + urllib.parse.quote(sys.argv[1]))["experiment"]["experiment_id"]
runs = ask("runs/search", json.dumps({"experiment_ids": [found], "max_results": 1000}).encode()).get("runs", [])
print(json.dumps({run["info"]["run_id"]: run["info"]["status"] for run in runs}))
"""
CHANGE = """
import json, sys, urllib.request
for method, path, body in json.loads(sys.argv[1]):
    request = urllib.request.Request(
        "http://localhost:5000/api/2.0/mlflow/registered-models/" + path,
        json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
    urllib.request.urlopen(request, timeout=20).close()
"""
"""Its argument: a list of [HTTP method, path below registered-models, body]."""


@dataclass(frozen=True)
class Registry:
    """Aliases and versions of the model, with the tags of each version."""

    aliases: dict[str, str]
    versions: dict[str, dict[str, str]]

    @property
    def champion(self) -> str | None:
        """Number of the champion."""
        return self.aliases.get(CHAMPION)

    @property
    def newest(self) -> str:
        """The highest version number, 0 without versions."""
        return str(max((int(number) for number in self.versions), default=0))


def read_registry(kube: Kube, release: str) -> Registry:
    """Return what is registered; nothing before the first training run."""
    return Registry(**json.loads(_in_mlflow(kube, release, READ, MODEL)))


def read_runs(kube: Kube, release: str) -> dict[str, str]:
    """Return the status of every run of the model's experiment, newest first; there must have been one."""
    return dict(json.loads(_in_mlflow(kube, release, RUNS, MODEL)))


def set_champion(kube: Kube, release: str, version: str) -> None:
    """Make a version the champion and remove the other aliases, as if no other had been promoted."""
    aliases = [
        ("DELETE", "alias", {"name": MODEL, "alias": PREVIOUS}),
        ("DELETE", "alias", {"name": MODEL, "alias": CHALLENGER}),
        ("POST", "alias", {"name": MODEL, "alias": CHAMPION, "version": version}),
    ]
    _in_mlflow(kube, release, CHANGE, json.dumps(aliases))


def delete_model(kube: Kube, release: str) -> None:
    """Delete the model with all its versions; the next version has number 1 again."""
    _in_mlflow(kube, release, CHANGE, json.dumps([("DELETE", "delete", {"name": MODEL})]))


def _in_mlflow(kube: Kube, release: str, script: str, argument: str) -> str:
    return kube.kubectl("exec", f"deployment/{release}-mlflow", "--", "python", "-c", script, argument)
