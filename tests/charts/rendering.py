"""Render the chart in this process with Helm's own code, and find objects in the result."""

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
    "scoring": {"existingSecret": "espalier-training", "publicKeysSecret": "espalier-model-keys"},
    "postgresql": {"existingSecret": "espalier-postgresql"},
    "object-store": {"existingSecret": "espalier-object-store"},
    "kube-prometheus-stack": {
        "alertmanager": {"alertmanagerSpec": {"secrets": ["espalier-alerts"]}},
        "grafana": {"admin": {"existingSecret": "espalier-grafana"}},
    },
}
"""The required values: images that are preloaded, and the Secret names of ``make secrets``."""

INGRESS: dict[str, Any] = {"api": {"server": {"forwardedAllowIps": "10.20.30.40, 2001:db8::/64"}}}
"""Required in addition with an ingress: the addresses of its controller."""

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
    "scoring": {"enabled": True},
    "training": {
        "schedule": {"enabled": True},
        "checkpoints": {"enabled": True},
        "data": {"pointer": "outs: []", "params": "fetch: {}", "schema": "features: []"},
        "dask": {"enabled": True},
    },
}
"""All switches on that are off by default."""

Object = dict[str, Any]


def merged(*parts: Object) -> Object:
    """Merge key by key; later parts take precedence."""
    result: Object = {}
    for part in parts:
        for key, value in part.items():
            old = result.get(key)
            result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def values_file(name: str) -> Object:
    """Return a values file that is shipped."""
    return dict(yaml.safe_load((CHART / name).read_text()))


def render(*parts: Object, secrets: bool = True, name: str = RELEASE, namespace: str = NAMESPACE) -> list[Object]:
    """Return every object of the release, hooks too."""
    values = merged(SECRETS if secrets else {}, *parts)
    # Loaded each time: rendering without a part removes the part from the loaded chart.
    files = helm_python.Chart.load(CHART).render(values, name=name, namespace=namespace)
    objects = []
    for path, text in sorted(files.items()):
        # The stack is another project's, and only exists after `make dependencies`.
        if path.endswith(".yaml") and "/kube-prometheus-stack/" not in path:
            objects += [document for document in yaml.safe_load_all(text) if document]
    return objects


VARIANTS: dict[str, tuple[Object, ...]] = {
    "default": (),
    "everything": (EVERYTHING,),
    "kind": (values_file("values-kind.yaml"), INGRESS),
    "prod": (values_file("values-prod.yaml"), INGRESS),
}


def of_kind(objects: list[Object], kind: str, name: str = "") -> list[Object]:
    """Return the objects of a kind, or the one with that name."""
    return [one for one in objects if one["kind"] == kind and name in ("", one["metadata"]["name"])]


def only(objects: list[Object], kind: str, name: str = "") -> Object:
    """Return the only object of a kind (and name)."""
    (result,) = of_kind(objects, kind, name)
    return result


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Yield every pod template (metadata and spec) with the kind and name of its object."""
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
    """Return the pod's containers, including init containers."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def manifests() -> dict[str, Object]:
    """Return the manifests that are applied in addition to the release."""
    return {path.name: dict(yaml.safe_load(path.read_text())) for path in sorted((ROOT / "manifests").glob("*.yaml"))}
