"""Write a bundle's files, and sign them once the gate has let the model through."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from espalier.bundle.contract import Contract, FrozenModel
from espalier.bundle.layout import CONTRACT, DIGESTED_FILES, MANIFEST, METRICS, MODEL, REFERENCE, SIGNATURE
from espalier.bundle.manifest import FileEntry, Lineage, Manifest
from espalier.bundle.metrics import BundleMetrics
from espalier.bundle.reference import Reference

__all__ = ["sign_bundle", "write_bundle"]


def write_bundle(
    directory: Path,
    *,
    model: bytes,
    contract: Contract,
    reference: Reference,
    metrics: BundleMetrics,
    lineage: Lineage,
) -> Manifest:
    """Write the five files of an unsigned bundle; a signature from before is removed.

    Args:
        directory: made if absent; files of the same names are replaced.
        model: the booster in XGBoost's UBJSON format.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / SIGNATURE).unlink(missing_ok=True)
    (directory / MODEL).write_bytes(model)
    for name, part in ((CONTRACT, contract), (REFERENCE, reference), (METRICS, metrics)):
        (directory / name).write_bytes(_to_json(part))
    files = {name: _describe(directory / name) for name in DIGESTED_FILES}
    manifest = Manifest(files=files, lineage=lineage)
    (directory / MANIFEST).write_bytes(_to_json(manifest))
    return manifest


def sign_bundle(directory: Path, key: Ed25519PrivateKey) -> None:
    """Add ``manifest.sig``: 64 bytes, Ed25519 over the bytes of ``manifest.json`` (RFC 8032)."""
    (directory / SIGNATURE).write_bytes(key.sign((directory / MANIFEST).read_bytes()))


def _to_json(part: FrozenModel) -> bytes:
    return (part.model_dump_json(indent=2) + "\n").encode()


def _describe(path: Path) -> FileEntry:
    content = path.read_bytes()
    return FileEntry(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
