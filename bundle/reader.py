"""Read a bundle without trusting anything that is not signed.

The order matters: first the file names and sizes, then the signature, then the manifest and the digests. Only then is
anything else parsed. A valid signature only proves that some version passed the gate, so the identity is compared with
the requested one as well; a retired version or another model is refused. The model is returned as bytes; the caller
loads it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from bundle.contract import Contract
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
    ALL_FILES,
    BUNDLE_FILES,
    COMPANION_FILES,
    CONTRACT,
    GOLDEN_ROWS,
    MANIFEST,
    METRICS,
    MODEL,
    REFERENCE,
    SIGNATURE,
)
from bundle.manifest import DIGESTED_BY_FORMAT, Manifest
from bundle.metrics import BinaryScores, BundleMetrics, MulticlassScores, RegressionScores
from bundle.reference import Reference
from bundle.target import FrozenModel

if TYPE_CHECKING:
    from bundle.golden_rows import GoldenRows

__all__ = ["DEFAULT_MAX_BYTES", "Bundle", "check_names", "read_bundle"]

DEFAULT_MAX_BYTES = 256 * 2**20
"""Size limit of the files together. The demo's model is about 6 MiB, and golden rows are 40 kB for each feature."""

SCORES_BY_TYPE = {"binary": BinaryScores, "multiclass": MulticlassScores, "regression": RegressionScores}

Part = TypeVar("Part", bound=FrozenModel)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory."""

    model: bytes
    contract: Contract
    reference: Reference
    metrics: BundleMetrics
    manifest: Manifest
    golden_rows: GoldenRows | None = None
    """None: an older bundle, of format 2."""


def read_bundle(
    directory: Path,
    *,
    expected: Identity,
    trusted_keys: Sequence[Ed25519PublicKey],
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Bundle:
    """Read and verify the files of ``directory``.

    Args:
        expected: the requested version.

    Raises:
        BundleError: the subclass is the reason; the text names the file.
    """
    content = _read_files(directory, max_bytes)
    _check_signature(content[MANIFEST], content[SIGNATURE], trusted_keys)
    _check_format(content[MANIFEST])
    manifest = _parse(Manifest, MANIFEST, content)
    _check_statement(manifest, expected)
    _check_digests(manifest, content)
    contract = _parse(Contract, CONTRACT, content)
    bundle = Bundle(
        model=content[MODEL],
        contract=contract,
        reference=_parse(Reference, REFERENCE, content),
        metrics=_parse(BundleMetrics, METRICS, content),
        manifest=manifest,
        golden_rows=_golden_rows(content, contract),
    )
    _check_agreement(bundle)
    return bundle


def check_names(names: Sequence[str]) -> None:
    """Refuse a listing with an unexpected file, or without a file that every bundle has.

    Raises:
        UnexpectedFile, UnsignedBundle, MissingFile
    """
    unexpected = sorted(set(names) - set(ALL_FILES) - COMPANION_FILES)
    if unexpected:
        raise UnexpectedFile(f"unexpected files in the bundle: {', '.join(unexpected)}")
    missing = [name for name in BUNDLE_FILES if name not in names]
    if missing == [SIGNATURE]:
        raise UnsignedBundle(f"the bundle has no {SIGNATURE}: it has not passed the gate")
    if missing:
        raise MissingFile(f"missing files in the bundle: {', '.join(missing)}")


def _read_files(directory: Path, max_bytes: int) -> dict[str, bytes]:
    try:
        entries = {path.name: path.lstat() for path in directory.iterdir()}
    except OSError as error:
        raise MissingFile(f"cannot read the bundle {directory}: {error.strerror}") from error
    for name, entry in entries.items():
        if not S_ISREG(entry.st_mode):
            raise UnexpectedFile(f"{name} in the bundle is not a regular file")
    check_names(list(entries))
    names = [name for name in ALL_FILES if name in entries]
    total = sum(entries[name].st_size for name in names)
    if total > max_bytes:
        raise BundleTooLarge(f"the bundle has {total:,} bytes, more than the limit of {max_bytes:,}")
    return {name: (directory / name).read_bytes() for name in names}


def _check_signature(manifest: bytes, signature: bytes, keys: Sequence[Ed25519PublicKey]) -> None:
    for key in keys:
        try:
            key.verify(signature, manifest)
        except InvalidSignature:
            continue
        return
    raise UntrustedSignature(
        f"{SIGNATURE} does not match {MANIFEST} with any of the {len(keys)} trusted key(s): "
        "the manifest was altered, or another key signed it"
    )


def _check_format(manifest: bytes) -> None:
    try:
        version = json.loads(manifest).get("format")
    except (ValueError, AttributeError) as error:
        raise MalformedBundle(f"{MANIFEST} is not a JSON object") from error
    if version not in tuple(DIGESTED_BY_FORMAT):
        raise MalformedBundle(
            f"{MANIFEST}: format is {str(version)[:20]}, but this release reads "
            f"{' and '.join(map(str, DIGESTED_BY_FORMAT))}; train the model again with this release (if it is the "
            "champion, remove its alias first)"
        )


def _check_statement(manifest: Manifest, expected: Identity) -> None:
    if manifest.identity != expected:
        raise WrongIdentity(f"{MANIFEST} is signed for {manifest.identity}, but {expected} was requested")
    if not manifest.verdict.passed:
        raise RejectedBundle(f"{MANIFEST} says that {manifest.identity} did not pass the gate")


def _check_digests(manifest: Manifest, content: dict[str, bytes]) -> None:
    digested = DIGESTED_BY_FORMAT[manifest.format]
    if set(manifest.files) != set(digested):
        raise MalformedBundle(f"{MANIFEST} of format {manifest.format} must list {', '.join(digested)}")
    if GOLDEN_ROWS in content and GOLDEN_ROWS not in digested:
        raise UnexpectedFile(f"{GOLDEN_ROWS} is in the bundle, but {MANIFEST} does not list it")
    if GOLDEN_ROWS in digested and GOLDEN_ROWS not in content:
        raise MissingFile(f"missing files in the bundle: {GOLDEN_ROWS}")
    for name, entry in manifest.files.items():
        digest = hashlib.sha256(content[name]).hexdigest()
        if digest != entry.sha256 or len(content[name]) != entry.size_bytes:
            raise AlteredBundle(f"{name} has SHA-256 {digest[:12]}…, but {entry.sha256[:12]}… was signed")


def _parse(kind: type[Part], name: str, content: dict[str, bytes]) -> Part:
    try:
        return kind.model_validate_json(content[name])
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedBundle(f"{name}: {where}: {first['msg']}") from error


def _golden_rows(content: dict[str, bytes], contract: Contract) -> GoldenRows | None:
    from bundle.golden_rows import read_golden_rows

    if GOLDEN_ROWS not in content:
        return None
    return read_golden_rows(content[GOLDEN_ROWS], features=len(contract.features), target=contract.target)


def _check_agreement(bundle: Bundle) -> None:
    name = bundle.manifest.identity.name
    if bundle.contract.model_name != name:
        raise MalformedBundle(f"{CONTRACT} is for {bundle.contract.model_name}, but {MANIFEST} is for {name}")
    names = {feature.name for feature in bundle.contract.features}
    reference = bundle.reference
    if set(reference.features) != names or set(reference.contributions or names) != names:
        raise MalformedBundle(f"{REFERENCE} and {CONTRACT} do not name the same features")
    target = bundle.contract.target
    if not isinstance(bundle.metrics.test, SCORES_BY_TYPE[target.type]):
        raise MalformedBundle(f"{METRICS} does not have the scores of a target of type {target.type}")
    if reference.label_shares is not None and set(reference.label_shares) != set(target.classes):
        raise MalformedBundle(f"{REFERENCE} and {CONTRACT} do not name the same classes")
    if target.type == "multiclass" and reference.score.labels != target.classes:
        raise MalformedBundle(f"{REFERENCE} does not have one score bin for each class, in the order of {CONTRACT}")
