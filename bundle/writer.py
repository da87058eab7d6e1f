"""Write the files of a bundle, and sign it once the model has passed the gate."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bundle.contract import Contract
from bundle.errors import RejectedBundle
from bundle.identity import Identity
from bundle.layout import CONTRACT, GOLDEN_ROWS, MANIFEST, METRICS, MODEL, REFERENCE, SIGNATURE
from bundle.manifest import DIGESTED_BY_FORMAT, MANIFEST_FORMAT, FileEntry, Lineage, Manifest
from bundle.metrics import BundleMetrics
from bundle.reference import Reference
from bundle.target import FrozenModel
from bundle.verdict import GateVerdict

if TYPE_CHECKING:
    from bundle.golden_rows import GoldenRows  # it needs NumPy, which the command line does not have

__all__ = ["sign_bundle", "write_bundle", "write_manifest"]


def write_bundle(
    directory: Path,
    *,
    model: bytes,
    contract: Contract,
    reference: Reference,
    metrics: BundleMetrics,
    golden_rows: GoldenRows,
) -> None:
    """Write the five files whose digests go into the manifest, and delete an earlier manifest and signature.

    Args:
        directory: created if missing; existing files are replaced.
        model: the booster in XGBoost's UBJSON format.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name in (MANIFEST, SIGNATURE):
        (directory / name).unlink(missing_ok=True)
    (directory / MODEL).write_bytes(model)
    (directory / GOLDEN_ROWS).write_bytes(golden_rows.to_bytes())
    for name, part in ((CONTRACT, contract), (REFERENCE, reference), (METRICS, metrics)):
        (directory / name).write_bytes(_to_json(part))


def write_manifest(directory: Path, *, identity: Identity, verdict: GateVerdict, lineage: Lineage) -> Manifest:
    """Write ``manifest.json`` for the files from ``write_bundle``, and delete an earlier signature."""
    (directory / SIGNATURE).unlink(missing_ok=True)
    files = {name: _describe(directory / name) for name in DIGESTED_BY_FORMAT[MANIFEST_FORMAT]}
    manifest = Manifest(identity=identity, verdict=verdict, files=files, lineage=lineage)
    (directory / MANIFEST).write_bytes(_to_json(manifest))
    return manifest


def sign_bundle(directory: Path, key: Ed25519PrivateKey) -> None:
    """Add ``manifest.sig``: 64 bytes, Ed25519 over the bytes of ``manifest.json`` (RFC 8032).

    Raises:
        RejectedBundle: the manifest says that the model did not pass the gate.
    """
    content = (directory / MANIFEST).read_bytes()
    manifest = Manifest.model_validate_json(content)
    if not manifest.verdict.passed:
        raise RejectedBundle(f"{manifest.identity} did not pass the gate, so it is not signed")
    (directory / SIGNATURE).write_bytes(key.sign(content))


def _to_json(part: FrozenModel) -> bytes:
    return (part.model_dump_json(indent=2) + "\n").encode()


def _describe(path: Path) -> FileEntry:
    content = path.read_bytes()
    return FileEntry(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
