"""Read, check and create Ed25519 keys in PEM files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bundle.errors import InvalidKey

__all__ = ["load_private_key", "load_public_keys", "write_key_pair"]

_HOW_TO_CREATE = "create a pair with: espalier keys NAME --directory DIR"


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a signing key.

    Raises:
        InvalidKey: no such file, not a PEM private key, protected by a password, or not Ed25519.
    """
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidKey(f"{path} is not a PEM private key without a password; {_HOW_TO_CREATE}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidKey(f"{path} is not an Ed25519 key; {_HOW_TO_CREATE}")
    return key


def load_public_keys(paths: Sequence[Path]) -> list[Ed25519PublicKey]:
    """Read the keys whose signatures are trusted: more than one during a key rotation.

    Raises:
        InvalidKey: no path, no such file, not a PEM public key, or not Ed25519.
    """
    if not paths:
        raise InvalidKey(f"no public key was provided; {_HOW_TO_CREATE}")
    return [_load_public_key(path) for path in paths]


def write_key_pair(directory: Path, name: str) -> tuple[Path, Path]:
    """Create ``NAME.key.pem`` (mode 0600) and ``NAME.pub.pem``, and return their paths.

    Raises:
        InvalidKey: one of the two exists already; a key in use is never overwritten.
    """
    private_path, public_path = directory / f"{name}.key.pem", directory / f"{name}.pub.pem"
    for path in (private_path, public_path):
        if path.exists():
            raise InvalidKey(f"{path} already exists and is not overwritten; choose another name or directory")
    directory.mkdir(parents=True, exist_ok=True)
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(private_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    public_path.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return private_path, public_path


def _load_public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKey(f"{path} is not a PEM public key; {_HOW_TO_CREATE}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidKey(f"{path} is not an Ed25519 key; {_HOW_TO_CREATE}")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidKey(f"cannot read the key {path} ({error.strerror}); {_HOW_TO_CREATE}") from error
