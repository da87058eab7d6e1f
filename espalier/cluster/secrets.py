"""The Secrets that an evaluation cluster needs, with fresh random values: ``make secrets``.

In production the same names and keys come from a secret store: docs/install-on-a-cluster.md.
"""

from __future__ import annotations

import base64
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundle import write_key_pair
from espalier.cluster.errors import ClusterError
from espalier.cluster.tools import Kube

__all__ = ["SECRETS", "ensure_secrets", "evaluation_secrets"]

SECRETS = ("api", "mlflow", "training", "postgresql", "object-store", "model-keys", "api-tls", "grafana", "alerts")
"""Each behind the release's name."""

UNREACHABLE_URL = "http://localhost:9/no-address-was-given"
"""Where alerts go until somebody names a webhook: Alertmanager starts, shows them, and says that it cannot send."""


def ensure_secrets(kube: Kube, release: str, host: str, *, slack_url: str = UNREACHABLE_URL) -> bool:
    """Create the Secrets unless they are there, and tell whether they were made.

    A database keeps the password that it was made with, and models the key that signed them: what exists stays.
    ``slack_url`` is the incoming webhook that alerts are sent to.

    Raises:
        ClusterError: some are there and some are not, so that fresh ones would not fit.
    """
    wanted = [f"{release}-{name}" for name in SECRETS]
    found = [name for name in wanted if kube.exists("secret", name)]
    if len(found) == len(wanted):
        return False
    if found:
        missing = ", ".join(name for name in wanted if name not in found)
        raise ClusterError(
            f"of the Secrets in {kube.namespace}, {', '.join(found)} are there but {missing} are not, and they share "
            "values: restore what is missing, or delete all of them and the volumes of the databases to begin anew"
        )
    made = evaluation_secrets(release, host, slack_url=slack_url)
    kube.create(*(_secret(name, kube.namespace, release, content) for name, content in made.items()))
    return True


def evaluation_secrets(release: str, host: str, *, slack_url: str = UNREACHABLE_URL) -> dict[str, dict[str, bytes]]:
    """Return name → key → value; what two Secrets share is the same in both."""
    database = {name: secrets.token_urlsafe(24) for name in ("postgres", "api", "mlflow")}
    access, secret = secrets.token_hex(10), secrets.token_urlsafe(30)
    credentials = f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n"
    url = f"postgresql+psycopg://{{0}}:{{1}}@{release}-postgresql:5432/{{0}}"
    with tempfile.TemporaryDirectory() as folder:
        model_key, model_public = write_key_pair(Path(folder), "model")
        jwt_key, _ = write_key_pair(Path(folder), "jwt")
        files = {path.name: path.read_bytes() for path in (model_key, model_public, jwt_key)}
    certificate, key, authority = _certificate(host)
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
    made["api-tls"] = {"tls.crt": certificate, "tls.key": key, "ca.crt": authority}
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


def _certificate(host: str) -> tuple[bytes, bytes, bytes]:
    import trustme

    authority = trustme.CA(organization_name="Espalier evaluation")
    issued = authority.issue_cert(host, "localhost", common_name=host)
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    return chain, issued.private_key_pem.bytes(), authority.cert_pem.bytes()
