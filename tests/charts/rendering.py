"""Render the chart with Helm's own code, in this process, and look into what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/espalier"
RELEASE, NAMESPACE = "espalier", "espalier"

SECRETS: dict[str, Any] = {
    "global": {"espalier": {"imagesPreloaded": True}},
    "api": {"existingSecret": "espalier-api", "model": {"existingSecret": "espalier-model-keys"}},
    "mlflow": {"existingSecret": "espalier-mlflow"},
    "training": {"existingSecret": "espalier-training", "publicKeysSecret": "espalier-model-keys"},
    "postgresql": {"existingSecret": "espalier-postgresql"},
    "object-store": {"existingSecret": "espalier-object-store"},
    "kube-prometheus-stack": {
        "alertmanager": {"alertmanagerSpec": {"secrets": ["espalier-alerts"]}},
        "grafana": {"admin": {"existingSecret": "espalier-grafana"}},
    },
}
"""The least that has to be given: where the images are, and the names that ``make secrets`` uses."""

INGRESS: dict[str, Any] = {"api": {"server": {"forwardedAllowIps": "10.20.30.40, 2001:db8::/64"}}}
"""What has to be given beside, where there is an ingress: where its controller is."""

EVERYTHING: dict[str, Any] = {
    "api": {
        **INGRESS["api"],
        "ingress": {
            "enabled": True,
            "host": "api.example.com",
            "tls": {"existingSecret": "tls", "certManager": {"enabled": True, "issuerName": "issuer"}},
        },
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["route.example.com"]},
        "tests": {"existingSecret": "espalier-smoke"},
        "jwt": {"extraVerificationKeys": ["old.pub.pem"]},
    },
    "observability": {"serviceMonitors": {"ingress": {"enabled": True}}},
    "training": {
        "schedule": {"enabled": True},
        "data": {"pointer": "outs: []", "params": "fetch: {}", "schema": "features: []"},
    },
}
"""Every switch on that is off by default."""

Object = dict[str, Any]


def merged(*parts: Object) -> Object:
    """Later parts win, key by key."""
    result: Object = {}
    for part in parts:
        for key, value in part.items():
            old = result.get(key)
            result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def values_file(name: str) -> Object:
    """One of the values files that are shipped."""
    return dict(yaml.safe_load((CHART / name).read_text()))


def render(*parts: Object, secrets: bool = True, name: str = RELEASE, namespace: str = NAMESPACE) -> list[Object]:
    """Return every object of the release, hooks too."""
    given = merged(SECRETS if secrets else {}, *parts)
    # Loaded anew each time: rendering without a part takes the part out of the loaded chart.
    files = helm_python.Chart.load(CHART).render(given, name=name, namespace=namespace)
    found = []
    for path, text in sorted(files.items()):
        # The stack is another project's, and is here only where something has fetched it.
        if path.endswith(".yaml") and "/kube-prometheus-stack/" not in path:
            found += [document for document in yaml.safe_load_all(text) if document]
    return found


VARIANTS: dict[str, tuple[Object, ...]] = {
    "default": (),
    "everything": (EVERYTHING,),
    "kind": (values_file("values-kind.yaml"), INGRESS),
    "prod": (values_file("values-prod.yaml"), INGRESS),
}


def of_kind(objects: list[Object], kind: str, name: str = "") -> list[Object]:
    """Objects of a kind, or the one of that name."""
    return [one for one in objects if one["kind"] == kind and name in ("", one["metadata"]["name"])]


def only(objects: list[Object], kind: str, name: str = "") -> Object:
    """The one object of a kind (and name)."""
    (found,) = of_kind(objects, kind, name)
    return found


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod template with the name of what holds it: metadata and spec."""
    for one in objects:
        spec = one.get("spec", {})
        name = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "Pod":
            yield name, one
        elif one["kind"] == "CronJob":
            yield name, spec["jobTemplate"]["spec"]["template"]
        elif "template" in spec:
            yield name, spec["template"]


def containers(pod: Object) -> list[Object]:
    """Its containers, those that only start it too."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def manifests() -> dict[str, Object]:
    """What is applied beside the release."""
    return {path.name: dict(yaml.safe_load(path.read_text())) for path in sorted((ROOT / "manifests").glob("*.yaml"))}
