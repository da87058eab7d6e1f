"""Print the Secrets that an evaluation cluster needs, with fresh random values: ``make secrets`` applies them.

    python manifests/make_secrets.py --namespace espalier --release espalier | kubectl create -f -

``create``, not ``apply``: a database keeps the password that it was made with, so a Secret that exists must stay. In
production the same names and keys come from a secret store: docs/install.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from espalier.bundle import write_key_pair

__all__ = ["evaluation_secrets", "main"]


def evaluation_secrets(release: str, host: str) -> dict[str, dict[str, bytes]]:
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
    }
    made = {name: {key: text.encode() for key, text in content.items()} for name, content in texts.items()}
    made["api"]["jwt.key.pem"] = files["jwt.key.pem"]
    made["training"]["model.key.pem"] = files["model.key.pem"]
    made["model-keys"] = {"model.pub.pem": files["model.pub.pem"]}
    made["api-tls"] = {"tls.crt": certificate, "tls.key": key, "ca.crt": authority}
    return {f"{release}-{name}": content for name, content in made.items()}


def main() -> None:
    """Print them as one Kubernetes List."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", default="espalier")
    parser.add_argument("--namespace", default="espalier")
    parser.add_argument("--host", default="espalier.localhost", help="name in the certificate of the ingress")
    given = parser.parse_args()
    found = evaluation_secrets(given.release, given.host)
    items = [_secret(name, given.namespace, given.release, content) for name, content in found.items()]
    json.dump({"apiVersion": "v1", "kind": "List", "items": items}, sys.stdout, indent=2)


def _secret(name: str, namespace: str, release: str, content: Mapping[str, bytes]) -> dict[str, object]:
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


if __name__ == "__main__":
    main()
