"""The verified bundle of a registered version: what the gate compares with, and what may become champion."""

from __future__ import annotations

import tempfile
from pathlib import Path

from espalier.bundle import Bundle, load_public_keys, read_bundle
from pipelines.registry import Registry, Version
from pipelines.settings import Settings

__all__ = ["read_version"]


def read_version(registry: Registry, settings: Settings, version: Version) -> Bundle:
    """Download the bundle of a version, and verify that it is signed, whole, and that version's.

    Raises:
        BundleError: it is not; the API would not serve it.
    """
    keys = load_public_keys(settings.trusted_key_files())
    with tempfile.TemporaryDirectory() as folder:
        registry.download_bundle(version, Path(folder))
        return read_bundle(Path(folder), expected=version.identity, trusted_keys=keys)
