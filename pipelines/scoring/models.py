"""Which model scores: a version of the registry, or a bundle in a folder. Only signed bundles, as in the API."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from bundle import Bundle, Manifest, check_version, read_bundle
from bundle.layout import MANIFEST
from bundle.vocabulary import ALIASES
from pipelines.config.settings import Settings
from pipelines.errors import InvalidParams, MissingData, RegistryFailure
from pipelines.registry.champion import read_version
from pipelines.registry.versions import Registry

__all__ = ["FolderModel", "ModelSource", "RegistryModel"]


class ModelSource(Protocol):
    """Where a model comes from."""

    is_alias: bool
    """Whether another version may be meant tomorrow."""

    def resolve(self) -> str:
        """Return the number of the version that is meant now."""

    def find(self) -> str | None:
        """Return the same number; None if no version has the alias that is meant."""

    def load(self, version: str) -> Bundle:
        """Return the bundle of a version.

        Raises:
            BundleError: it is not signed by a trusted key, altered, or not this version.
        """


class RegistryModel:
    """A registered model, by number or by alias."""

    def __init__(self, registry: Registry, settings: Settings, name: str, version: str) -> None:
        """Store what is meant.

        Raises:
            InvalidParams: neither a number nor an alias.
        """
        self.is_alias = version in ALIASES
        if not self.is_alias and not version.isdecimal():
            raise InvalidParams(f"{version} is no version: use a number, or one of {', '.join(ALIASES)}")
        self._registry, self._settings, self._name, self._version = registry, settings, name, version

    def resolve(self) -> str:
        """Return the number of the version.

        Raises:
            RegistryFailure: no version has the alias.
            Unreachable
        """
        number = self.find()
        if number is None:
            raise RegistryFailure(f"{self._name} has no {self._version}; list its versions with: espalier models")
        return number

    def find(self) -> str | None:
        """Return the number of the version; None if no version has the alias."""
        return self._registry.version_of(self._name, self._version) if self.is_alias else check_version(self._version)

    def load(self, version: str) -> Bundle:
        """Download and verify the bundle of a version."""
        return read_version(self._registry, self._settings, self._registry.version(self._name, version))


class FolderModel:
    """A bundle in a folder: whatever version its signed manifest names."""

    is_alias = False

    def __init__(self, folder: Path, trusted_keys: Sequence[Ed25519PublicKey]) -> None:
        """Store the folder, and the keys one of which must have signed the bundle."""
        self._folder, self._keys = folder, trusted_keys

    def resolve(self) -> str:
        """Return the version that the manifest names.

        Raises:
            MissingData: no bundle.
        """
        return self._manifest().identity.version

    find = resolve

    def load(self, version: str) -> Bundle:
        """Read and verify the bundle."""
        expected = self._manifest().identity.model_copy(update={"version": version})
        return read_bundle(self._folder, expected=expected, trusted_keys=self._keys)

    def _manifest(self) -> Manifest:
        """Return what the manifest says; it is not verified yet."""
        path = self._folder / MANIFEST
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except OSError as error:
            raise MissingData(f"{self._folder} has no bundle: cannot read {MANIFEST}") from error
        except ValidationError as error:
            raise MissingData(f"{path} is not the manifest of a bundle of this release") from error
