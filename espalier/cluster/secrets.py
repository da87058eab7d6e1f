"""The Secrets of an evaluation cluster, with random values: ``make secrets``.

In production, a secret store provides Secrets with the same names and keys: docs/install-on-a-cluster.md.
"""

from __future__ import annotations

import base64
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundle import write_key_pair
from espalier.certificates import issue_certificate
from espalier.cluster.errors import ClusterError
from espalier.cluster.tools import Kube

__all__ = ["SECRETS", "ensure_secrets", "evaluation_secrets"]

SECRETS = (
    "api",
    "mlflow",
    "training",
    "postgresql",
    "object-store",
    "model-keys",
    "api-tls",
    "grafana",
    "alerts",
    "dask",
)
"""Suffixes; the prefix is the name of the release."""

ALONE = ("dask",)
"""Those that share no value with another, so that they can be added to the Secrets of an earlier version."""

UNREACHABLE_URL = "http://localhost:9/no-address-was-given"
"""Target of alerts until a webhook is configured: Alertmanager starts, shows alerts, and logs that it cannot send."""


def ensure_secrets(kube: Kube, release: str, host: str, *, slack_url: str = UNREACHABLE_URL) -> bool:
    """Create the Secrets unless they exist, and return whether they were created.

    Existing Secrets are kept: a database keeps its first password, and models were signed with the existing key.
    ``slack_url`` is the incoming webhook for alerts.

    Raises:
        ClusterError: only some exist, so new ones would not match them.
    """
    names = [f"{release}-{name}" for name in SECRETS]
    existing = [name for name in names if kube.exists("secret", name)]
    absent = [name for name in names if name not in existing]
    if not absent:
        return False
    alone = [f"{release}-{name}" for name in ALONE]
    missing = [name for name in absent if name not in alone]
    if missing and set(existing) - set(alone):
        raise ClusterError(
            f"in namespace {kube.namespace}, the Secrets {', '.join(existing)} exist but {', '.join(missing)} are "
            "missing. They share values: restore the missing ones, or delete all of them and the volumes of the "
            "databases to start over"
        )
    made = evaluation_secrets(release, host, slack_url=slack_url)
    kube.create(*(_secret(name, kube.namespace, release, made[name]) for name in absent))
    return True


def evaluation_secrets(release: str, host: str, *, slack_url: str = UNREACHABLE_URL) -> dict[str, dict[str, bytes]]:
    """Return name → key → value; shared values are equal in both Secrets."""
    database = {name: secrets.token_urlsafe(24) for name in ("postgres", "api", "mlflow")}
    access, secret = secrets.token_hex(10), secrets.token_urlsafe(30)
    credentials = f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n"
    url = f"postgresql+psycopg://{{0}}:{{1}}@{release}-postgresql:5432/{{0}}"
    with tempfile.TemporaryDirectory() as folder:
        model_key, model_public = write_key_pair(Path(folder), "model")
        jwt_key, _ = write_key_pair(Path(folder), "jwt")
        files = {path.name: path.read_bytes() for path in (model_key, model_public, jwt_key)}
    tls = issue_certificate(host, "localhost", organization="Espalier evaluation")
    dask = issue_certificate(f"{release}-dask-scheduler", organization="Espalier evaluation, Dask")
    texts = {
        "api": {"database-url": url.format("api", database["api"])},
        "mlflow": {"database-uri": url.format("mlflow", database["mlflow"]), "s3-credentials": credentials},
        "training": {"s3-credentials": credentials},
        "postgresql": {f"{name}-password": password for name, password in database.items()},
        "object-store": {"access-key": access, "secret-key": secret},
        "grafana": {"admin-user": "admin", "admin-password": secrets.token_urlsafe(18)},
        "alerts": {"platform-url": slack_url, "model-url": slack_url, "heartbeat-url": UNREACHABLE_URL},
    }
    made = {name: {key: text.encode() for key, text in content.items()} for name, content in texts.items()}
    made["api"]["jwt.key.pem"] = files["jwt.key.pem"]
    made["training"]["model.key.pem"] = files["model.key.pem"]
    made["model-keys"] = {"model.pub.pem": files["model.pub.pem"]}
    for name, issued in (("api-tls", tls), ("dask", dask)):
        made[name] = {"tls.crt": issued.chain, "tls.key": issued.key, "ca.crt": issued.authority}
    return {f"{release}-{name}": content for name, content in made.items()}


def _secret(name: str, namespace: str, release: str, content: Mapping[str, bytes]) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": "espalier", "app.kubernetes.io/instance": release}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "type": "kubernetes.io/tls" if "tls.crt" in content else "Opaque",
        "data": {key: base64.b64encode(value).decode() for key, value in content.items()},
    }
