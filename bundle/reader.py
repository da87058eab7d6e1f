"""Read a bundle, trusting nothing that is not signed.

The order is the point: what is there and how large, then the signature, then the manifest and the digests, and only
then does anything else get parsed. A signature says that the gate let some version through; whether it is the one that
was asked for is compared too, so that neither a retired version nor another model is taken for it. The model's bytes
are returned as bytes; who loads them decides how.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from bundle.contract import Contract, FrozenModel
from bundle.errors import (
    AlteredBundle,
    BundleTooLarge,
    MalformedBundle,
    MissingFile,
    RejectedBundle,
    UnexpectedFile,
    UnsignedBundle,
    UntrustedSignature,
    WrongIdentity,
)
from bundle.identity import Identity
from bundle.layout import (
    BUNDLE_FILES,
    COMPANION_FILES,
    CONTRACT,
    DIGESTED_FILES,
    MANIFEST,
    METRICS,
    MODEL,
    REFERENCE,
    SIGNATURE,
)
from bundle.manifest import MANIFEST_FORMAT, Manifest
from bundle.metrics import BundleMetrics
from bundle.reference import Reference

__all__ = ["DEFAULT_MAX_BYTES", "Bundle", "check_names", "read_bundle"]

DEFAULT_MAX_BYTES = 256 * 2**20
"""Size limit of the six files together. The demo's model is about 6 MiB."""

Part = TypeVar("Part", bound=FrozenModel)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory."""

    model: bytes
    contract: Contract
    reference: Reference
    metrics: BundleMetrics
    manifest: Manifest


def read_bundle(
    directory: Path,
    *,
    expected: Identity,
    trusted_keys: Sequence[Ed25519PublicKey],
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Bundle:
    """Read the six files of ``directory``, or say what is wrong with them.

    Args:
        expected: the version that they must be.

    Raises:
        BundleError: the subclass and its text name the file and the reason.
    """
    content = _read_files(directory, max_bytes)
    _check_signature(content[MANIFEST], content[SIGNATURE], trusted_keys)
    _check_format(content[MANIFEST])
    manifest = _parse(Manifest, MANIFEST, content)
    _check_statement(manifest, expected)
    _check_digests(manifest, content)
    bundle = Bundle(
        model=content[MODEL],
        contract=_parse(Contract, CONTRACT, content),
        reference=_parse(Reference, REFERENCE, content),
        metrics=_parse(BundleMetrics, METRICS, content),
        manifest=manifest,
    )
    _check_agreement(bundle)
    return bundle


def check_names(names: Sequence[str]) -> None:
    """Refuse a listing with any other file, or without one of the six.

    Raises:
        UnexpectedFile, UnsignedBundle, MissingFile
    """
    unexpected = sorted(set(names) - set(BUNDLE_FILES) - COMPANION_FILES)
    if unexpected:
        raise UnexpectedFile(f"the bundle holds {', '.join(unexpected)}, which no bundle holds")
    missing = [name for name in BUNDLE_FILES if name not in names]
    if missing == [SIGNATURE]:
        raise UnsignedBundle(f"the bundle has no {SIGNATURE}: it was not let through by the gate")
    if missing:
        raise MissingFile(f"the bundle has no {', '.join(missing)}")


def _read_files(directory: Path, max_bytes: int) -> dict[str, bytes]:
    try:
        entries = {path.name: path.lstat() for path in directory.iterdir()}
    except OSError as error:
        raise MissingFile(f"cannot read the bundle {directory}: {error.strerror}") from error
    for name, entry in entries.items():
        if not S_ISREG(entry.st_mode):
            raise UnexpectedFile(f"the bundle holds {name}, which is not a plain file")
    check_names(list(entries))
    total = sum(entries[name].st_size for name in BUNDLE_FILES)
    if total > max_bytes:
        raise BundleTooLarge(f"the bundle has {total:,} bytes, more than the limit of {max_bytes:,}")
    return {name: (directory / name).read_bytes() for name in BUNDLE_FILES}


def _check_signature(manifest: bytes, signature: bytes, keys: Sequence[Ed25519PublicKey]) -> None:
    for key in keys:
        try:
            key.verify(signature, manifest)
        except InvalidSignature:
            continue
        return
    raise UntrustedSignature(
        f"{SIGNATURE} fits {MANIFEST} under none of the {len(keys)} trusted key(s): "
        "either the manifest was altered or another key signed it"
    )


def _check_format(manifest: bytes) -> None:
    try:
        found = json.loads(manifest).get("format")
    except (ValueError, AttributeError) as error:
        raise MalformedBundle(f"{MANIFEST} is not a JSON object") from error
    if found != MANIFEST_FORMAT:
        raise MalformedBundle(
            f"{MANIFEST}: format is {str(found)[:20]}, and this release reads {MANIFEST_FORMAT}; train the model again "
            "with this release (if it is the champion, remove its alias first)"
        )


def _check_statement(manifest: Manifest, expected: Identity) -> None:
    if manifest.identity != expected:
        raise WrongIdentity(f"{MANIFEST} is signed for {manifest.identity}, and {expected} was asked for")
    if not manifest.verdict.passed:
        raise RejectedBundle(f"{MANIFEST} says that {manifest.identity} did not pass the gate")


def _check_digests(manifest: Manifest, content: dict[str, bytes]) -> None:
    if set(manifest.files) != set(DIGESTED_FILES):
        raise MalformedBundle(f"{MANIFEST} must list {', '.join(DIGESTED_FILES)}")
    for name, entry in manifest.files.items():
        found = hashlib.sha256(content[name]).hexdigest()
        if found != entry.sha256 or len(content[name]) != entry.size_bytes:
            raise AlteredBundle(f"{name} has SHA-256 {found[:12]}…, signed was {entry.sha256[:12]}…")


def _parse(kind: type[Part], name: str, content: dict[str, bytes]) -> Part:
    try:
        return kind.model_validate_json(content[name])
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedBundle(f"{name}: {where}: {first['msg']}") from error


def _check_agreement(bundle: Bundle) -> None:
    name = bundle.manifest.identity.name
    if bundle.contract.model_name != name:
        raise MalformedBundle(f"{CONTRACT} is of {bundle.contract.model_name}, {MANIFEST} of {name}")
    names = {feature.name for feature in bundle.contract.features}
    reference = bundle.reference
    if set(reference.features) != names or set(reference.contributions or names) != names:
        raise MalformedBundle(f"{REFERENCE} and {CONTRACT} do not name the same features")
