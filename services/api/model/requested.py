"""The model to serve, and the keys that must have signed its bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bundle import Bundle, Identity, read_bundle

__all__ = ["RequestedModel"]


@dataclass(frozen=True)
class RequestedModel:
    """A registered model, by alias or by version."""

    name: str
    alias: str
    version: str
    """Served instead of the alias's version, unless empty."""

    trusted_keys: tuple[Ed25519PublicKey, ...]
    max_bytes: int
    """Size limit of its bundle."""

    def read(self, folder: Path, version: str) -> Bundle:
        """Read and verify the bundle of one version from a folder.

        Raises:
            BundleError: not a bundle, not signed by a trusted key, or not this version.
        """
        expected = Identity(name=self.name, version=version)
        return read_bundle(folder, expected=expected, trusted_keys=list(self.trusted_keys), max_bytes=self.max_bytes)
