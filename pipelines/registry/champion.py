"""Download and verify the bundle of a registered version."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from bundle import Bundle, load_public_keys, read_bundle
from pipelines.config.settings import Settings
from pipelines.registry.versions import Registry, Version

__all__ = ["read_version"]


def read_version(
    registry: Registry, settings: Settings, version: Version, *, own_key: Ed25519PublicKey | None = None
) -> Bundle:
    """Download the bundle of a version, and verify its signature, its files and its identity.

    Args:
        own_key: trusted in addition to the keys of the settings: this run has signed the bundle itself. The rollout
            shows whether the API trusts that key.

    Raises:
        BundleError: the bundle is not valid.
    """
    keys = load_public_keys(settings.trusted_key_files()) + ([own_key] if own_key else [])
    with tempfile.TemporaryDirectory() as folder:
        registry.download_bundle(version, Path(folder))
        return read_bundle(Path(folder), expected=version.identity, trusted_keys=keys)
