"""Sigstore's servers on loopback, and an identity provider that gives tokens as GitHub gives them to a workflow's jobs.

Fulcio issues certificates, tesseract is its certificate log, timestamp-server and rekor-server date and log signatures:
the public instance's programs, with keys made here.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.x509.oid import NameOID

from espalier.local.processes import Server, free_port, running
from tests.http_server import serving

__all__ = ["PROGRAMS", "PrivateSigstore", "private_sigstore"]

PROGRAMS = ("cosign", "fulcio", "tesseract", "timestamp-server", "rekor-server")
PASSWORD = "only for loopback"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
EXECUTE = ("-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])")


@dataclass(frozen=True)
class PrivateSigstore:
    """Where signers and verifiers find it."""

    issuer: str
    signing_config: Path
    trusted_root: Path

    def job(self, repository: str, ref: str, workflow: str = "release.yml") -> dict[str, str]:
        """Return the variables that GitHub's runner sets in a job of a workflow, and those that name this Sigstore."""
        name = f"{repository}/.github/workflows/{workflow}@{ref}"
        claims = f"repository={repository}&ref={ref}&workflow_ref={name}"
        return {
            "GITHUB_REPOSITORY": repository,
            "GITHUB_REF": ref,
            "GITHUB_SHA": COMMIT,
            "GITHUB_WORKFLOW_REF": name,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.issuer}/token?{claims}",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "any",
            "OIDC_ISSUER": self.issuer,
            "COSIGN_SIGNING_CONFIG": str(self.signing_config),
            "COSIGN_TRUSTED_ROOT": str(self.trusted_root),
        }


@contextmanager
def private_sigstore(folder: Path, need: Callable[[str], str]) -> Iterator[PrivateSigstore]:
    """Run the servers while the context lasts; their keys, data and logs are in the folder."""
    for program in PROGRAMS:
        need(program)
    ports = {
        name: free_port() for name in ("fulcio", "ct", "tsa", "rekor", "grpc", "rekor-grpc", "metrics", "rekor-metrics")
    }
    url = {name: f"http://127.0.0.1:{ports[name]}" for name in ("fulcio", "ct", "tsa", "rekor")}
    with ExitStack() as stack:
        issuer = stack.enter_context(_identity_provider())
        ca_key, ct_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        rekor_key = ed25519.Ed25519PrivateKey.generate()
        ca = _write(folder / "ca.pem", _root_certificate(ca_key).public_bytes(serialization.Encoding.PEM))
        providers = {issuer: {"IssuerURL": issuer, "ClientID": "sigstore", "Type": "github-workflow"}}
        config = _write(folder / "fulcio.json", json.dumps({"OIDCIssuers": providers}).encode())

        def start(name: str, health: str, *arguments: str) -> None:
            log = folder / f"{arguments[0]}.log"
            server = Server(arguments[0], (*EXECUTE, *arguments), {}, url[name] + health, log)
            stack.enter_context(running(server))

        start(
            *("ct", "/ct/v1/get-roots", "tesseract", f"--http_endpoint=127.0.0.1:{ports['ct']}", "--origin=ct.test"),
            *(f"--storage_dir={folder}/ct", f"--roots_pem_file={ca}", "--checkpoint_interval=100ms"),
            f"--private_key={_private(folder / 'ct.key.pem', ct_key, form=PrivateFormat.TraditionalOpenSSL)}",
        )
        start(
            *("fulcio", "/healthz", "fulcio", "serve", "--host=127.0.0.1", f"--port={ports['fulcio']}"),
            *("--grpc-host=127.0.0.1", f"--grpc-port={ports['grpc']}", f"--metrics-port={ports['metrics']}"),
            *(f"--legacy-unix-domain-socket=@fulcio-{ports['grpc']}", "--ca=fileca", f"--fileca-cert={ca}"),
            *(f"--fileca-key={_private(folder / 'ca.key.pem', ca_key, PASSWORD)}", f"--fileca-key-passwd={PASSWORD}"),
            *(
                "--fileca-watch=false",
                f"--config-path={config}",
                f"--ct-log-url={url['ct']}",
                "--ct-log-origin=ct.test",
            ),
        )
        start(
            *("tsa", "/ping", "timestamp-server", "serve", "--host=127.0.0.1", f"--port={ports['tsa']}"),
            *("--timestamp-signer=memory", "--disable-ntp-monitoring"),
        )
        start(
            *("rekor", "/healthz", "rekor-server", "serve", f"--http-port={ports['rekor']}", "--hostname=127.0.0.1"),
            *(f"--grpc-port={ports['rekor-grpc']}", f"--http-metrics-port={ports['rekor-metrics']}"),
            *(f"--storage-dir={folder}/rekor", "--checkpoint-interval=500ms", "--batch-max-age=100ms"),
            f"--signer-filepath={_private(folder / 'rekor.key.pem', rekor_key)}",
        )
        chain = _write(folder / "tsa.pem", httpx.get(f"{url['tsa']}/api/v1/timestamp/certchain").content)
        rekor_public = _public(folder / "rekor.pub.pem", rekor_key)
        since = f"start-time={(datetime.now(UTC) - timedelta(minutes=5)):%Y-%m-%dT%H:%M:%SZ}"
        services = f"{since},operator=test"
        _cosign(
            *("trusted-root", "create", f"--out={folder}/trusted-root.json"),
            f"--fulcio=url={url['fulcio']},certificate-chain={ca}",
            f"--ctfe=url={url['ct']},public-key={_public(folder / 'ct.pub.pem', ct_key)},{since}",
            f"--rekor=url={url['rekor']},public-key={rekor_public},{since},origin=127.0.0.1",
            f"--tsa=url={url['tsa']}/api/v1/timestamp,certificate-chain={chain}",
        )
        _cosign(
            *("signing-config", "create", f"--out={folder}/signing-config.json"),
            f"--fulcio=url={url['fulcio']},api-version=1,{services}",
            *(f"--rekor=url={url['rekor']},api-version=2,{services}", "--rekor-config=ANY"),
            *(f"--tsa=url={url['tsa']}/api/v1/timestamp,api-version=1,{services}", "--tsa-config=ANY"),
            f"--oidc-provider=url={issuer},api-version=1,{services}",
        )
        yield PrivateSigstore(issuer, folder / "signing-config.json", folder / "trusted-root.json")


@contextmanager
def _identity_provider() -> Iterator[str]:
    """Serve OpenID Connect discovery, keys and tokens; a token has the claims that its request's query asks for."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {
        "kid": "1",
        "alg": "RS256",
        "use": "sig",
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer = f"http://{self.headers['Host']}"
            address = urlsplit(self.path)
            answers = {
                "/.well-known/openid-configuration": {
                    "issuer": issuer,
                    "jwks_uri": f"{issuer}/keys",
                    "authorization_endpoint": f"{issuer}/none",
                    "id_token_signing_alg_values_supported": ["RS256"],
                },
                "/keys": {"keys": [public]},
                "/token": {
                    "value": jwt.encode(_claims(issuer, dict(parse_qsl(address.query))), key, "RS256", {"kid": "1"})
                },
            }
            body = json.dumps(answers[address.path]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Print nothing."""

    with serving(Handler) as address:
        yield address


def _claims(issuer: str, query: dict[str, str]) -> dict[str, object]:
    """Return the claims of GitHub's tokens that Fulcio asks for."""
    now = int(time.time())
    repository, ref, workflow = (query.get(name, "") for name in ("repository", "ref", "workflow_ref"))
    return {
        "iss": issuer,
        "aud": query.get("audience", ""),
        "sub": f"repo:{repository}:ref:{ref}",
        **{"iat": now, "nbf": now, "exp": now + 300},
        **{"repository": repository, "repository_owner": repository.partition("/")[0], "ref": ref, "sha": COMMIT},
        **{"workflow": "release", "workflow_ref": workflow, "workflow_sha": COMMIT},
        **{"job_workflow_ref": workflow, "job_workflow_sha": COMMIT, "event_name": "push"},
        **{"repository_id": "1", "repository_owner_id": "2", "repository_visibility": "public"},
        **{"run_id": "7", "run_attempt": "1", "runner_environment": "github-hosted"},
    }


def _root_certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "certificates of a test")])
    now = datetime.now(UTC)
    usage = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"), False)
    usage |= {"key_agreement": False, "encipher_only": False, "decipher_only": False}
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _private(path: Path, key: PrivateKeyTypes, password: str = "", form: PrivateFormat = PrivateFormat.PKCS8) -> Path:
    encryption = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return _write(path, key.private_bytes(serialization.Encoding.PEM, form, encryption))


def _public(path: Path, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> Path:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _write(path, key.public_key().public_bytes(serialization.Encoding.PEM, form))


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _cosign(*arguments: str) -> None:
    subprocess.run(("cosign", *arguments), check=True, capture_output=True)
