"""MLflow's model registry: versions, their aliases and tags, and their bundles' files.

Each version has an artifact folder of its own, which is written once: until the version is tagged complete, and never
again. With the runs (tracking.py) it is all that talks to MLflow.

Gives:  plain facts (``Version``, aliases, a bundle's files), so that no caller sees MLflow's types.
Raises: Unreachable when it does not answer within the retry budget, RegistryFailure when it refuses, UnsafeName when it
        names something that must not become part of a path.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle import BUNDLE_FILES, Identity, UnsafeName, artifact_folder, check_version
from bundle.identity import PROXY_SCHEME
from bundle.vocabulary import BUNDLE_TAG, COMPLETE, UPLOADING
from pipelines.errors import RegistryFailure
from pipelines.registry.tracking import EXISTS, KEY_TAG, Tracking

__all__ = ["BUNDLE_FOLDER", "KEY_TAG", "Registry", "Version"]

BUNDLE_FOLDER = "bundle"
"""Artifact folder of a run under which each version that is registered of it has a folder of its own."""


@dataclass(frozen=True)
class Version:
    """One registered version."""

    name: str
    number: str
    run_id: str
    created: float
    """Seconds since 1970."""

    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    source: str = ""
    """Address of its artifact folder."""

    @property
    def identity(self) -> Identity:
        """What its manifest must say that it is."""
        return Identity(name=self.name, version=self.number)

    @property
    def is_complete(self) -> bool:
        """Whether every file of its bundle is there; they are never written again then."""
        return self.tags.get(BUNDLE_TAG) == COMPLETE

    @property
    def is_uploading(self) -> bool:
        """Whether a run is about to upload its files, or was killed before it had."""
        return self.tags.get(BUNDLE_TAG) == UPLOADING


class Registry(Tracking):
    """A connection to one MLflow server: its registered versions, and its runs."""

    def versions(self, name: str) -> list[Version]:
        """Every version, newest first; none where the name is not registered."""
        with self._asking("list versions"):
            aliases = self._aliases(name)
            found = self._client.search_model_versions(f"name = '{name}'")
        versions = [_to_version(version, aliases) for version in found]
        return sorted(versions, key=lambda version: int(version.number), reverse=True)

    def version(self, name: str, number: str) -> Version:
        """Return one version.

        Raises:
            RegistryFailure: there is none of this number.
        """
        found = next((version for version in self.versions(name) if version.number == number), None)
        if found is None:
            raise RegistryFailure(f"{name} has no version {number}; list them with: espalier models")
        return found

    def create_version(
        self, name: str, *, run_id: str, description: str, tags: Mapping[str, str], version_description: str
    ) -> Version:
        """Register a version whose files are still to come, with an empty artifact folder of its own below a run's.

        The name is made, or its description brought up to date.
        """
        with self._asking("register a version"):
            self._make_name(name, description)
            source = f"{self._client.get_run(run_id).info.artifact_uri}/{BUNDLE_FOLDER}/{uuid.uuid4().hex}"
            tags = {**tags, BUNDLE_TAG: UPLOADING}
            made = self._client.create_model_version(name, source, run_id, tags=tags, description=version_description)
        return self.version(name, check_version(made.version))

    def upload_bundle(self, version: Version, folder: Path) -> None:
        """Store the files of a version that is not complete.

        Raises:
            RegistryFailure: the version is complete, or its folder is another version's too.
        """
        versions = self.versions(version.name)
        current = next((one for one in versions if one.number == version.number), None)
        if current is None or not current.is_uploading:
            raise RegistryFailure(
                f"{version.identity} is registered for good or gone: its files are never written again; train again"
            )
        if any(one.source == current.source for one in versions if one.number != current.number):
            raise RegistryFailure(f"the artifact folder of {version.identity} belongs to another version too")
        with self._asking("take the bundle"):
            self._client.log_artifacts(current.run_id, str(folder), self._folder_in_run(current))

    def complete_version(self, version: Version) -> Version:
        """Say that every file of a version is there: from now on it can be served, and is never written again."""
        self.tag_version(version, {BUNDLE_TAG: COMPLETE})
        return self.version(version.name, version.number)

    def delete_incomplete(self, version: Version) -> None:
        """Delete a version that was never completed, and what of its files had been uploaded.

        Raises:
            RegistryFailure: it is complete.
        """
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        if not self.version(version.name, version.number).is_uploading:
            raise RegistryFailure(f"{version.identity} is complete and is not deleted")
        with self._asking("delete an incomplete version"):
            self._folder_in_run(version)  # nothing outside of its run is ever deleted
            get_artifact_repository(_proxied(version.source), tracking_uri=self._uri).delete_artifacts()
            self._client.delete_model_version(version.name, version.number)

    def tag_version(self, version: Version, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with self._asking("set a tag"):
            for key, value in tags.items():
                self._client.set_model_version_tag(version.name, version.number, key, value)

    def untag_version(self, version: Version, tag: str) -> None:
        """Remove a tag; it may be absent."""
        if tag in version.tags:
            with self._asking("remove a tag"):
                self._client.delete_model_version_tag(version.name, version.number, tag)

    def version_of(self, name: str, alias: str) -> str | None:
        """Return the number of the version that an alias points to."""
        with self._asking("resolve an alias"):
            return self._aliases(name).get(alias)

    def set_alias(self, name: str, alias: str, number: str) -> None:
        """Point an alias to a version."""
        with self._asking("move an alias"):
            self._client.set_registered_model_alias(name, alias, number)

    def remove_alias(self, name: str, alias: str) -> None:
        """Remove an alias; it may be absent."""
        with self._asking("remove an alias"):
            if alias in self._aliases(name):
                self._client.delete_registered_model_alias(name, alias)

    def download_bundle(self, version: Version, folder: Path, names: tuple[str, ...] = BUNDLE_FILES) -> Path:
        """Bring the six files, or the named ones of them, and no others, of a version's bundle to ``folder``."""
        from mlflow.artifacts import download_artifacts

        with self._asking("give the bundle"):
            uri = self._client.get_model_version_download_uri(version.name, version.number)
            for name in names:
                download_artifacts(artifact_uri=f"{_proxied(uri)}/{name}", dst_path=str(folder), tracking_uri=self._uri)
        return folder

    def _aliases(self, name: str) -> dict[str, str]:
        found = self._client.search_registered_models(f"name = '{name}'")
        return {alias: check_version(number) for alias, number in found[0].aliases.items()} if found else {}

    def _make_name(self, name: str, description: str) -> None:
        from mlflow.exceptions import RestException

        try:
            if not self._client.search_registered_models(f"name = '{name}'"):
                self._client.create_registered_model(name, description=description)
        except RestException as error:  # another run of the same moment may have made it
            if error.error_code != EXISTS:
                raise
        self._client.update_registered_model(name, description=description)

    def _folder_in_run(self, version: Version) -> str:
        root = artifact_folder(self._client.get_run(version.run_id).info.artifact_uri)
        folder = artifact_folder(version.source)
        if not folder.startswith(f"{root}/{BUNDLE_FOLDER}/"):
            raise UnsafeName(f"the artifact folder of {version.identity} does not lie in that of its run")
        return folder.removeprefix(f"{root}/")


def _to_version(found: Any, aliases: Mapping[str, str]) -> Version:
    number = check_version(found.version)
    return Version(
        name=found.name,
        number=number,
        run_id=found.run_id or "",
        created=found.creation_timestamp / 1000,
        tags=dict(found.tags),
        aliases=tuple(sorted(alias for alias, target in aliases.items() if target == number)),
        source=found.source or "",
    )


def _proxied(uri: str) -> str:
    """Return the address of a folder at this very MLflow, whatever host ``uri`` names."""
    return f"{PROXY_SCHEME}:/{artifact_folder(uri)}"
