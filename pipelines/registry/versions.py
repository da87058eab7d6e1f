"""MLflow's model registry: versions, their aliases and tags, and the files of their bundles.

Each version has its own artifact folder, which is written once: after the version is tagged complete, never again.
Only this module and tracking.py call MLflow.

Gives:  plain values (``Version``, aliases, files of a bundle), so that no caller depends on MLflow's types.
Raises: Unreachable if MLflow does not answer within the retry budget, RegistryFailure if it rejects a request,
        UnsafeName if it returns a name that is unsafe in a path.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle import ALL_FILES, Identity, UnsafeName, artifact_folder, check_version
from bundle.identity import PROXY_SCHEME
from bundle.vocabulary import ALIASES, BUNDLE_TAG, COMPLETE, UPLOADING
from pipelines.errors import RegistryFailure
from pipelines.registry.tracking import EXISTS, KEY_TAG, Tracking

__all__ = ["BUNDLE_FOLDER", "KEY_TAG", "Registry", "Version"]

BUNDLE_FOLDER = "bundle"
"""Artifact folder of a run that has one subfolder per version of this run."""

REPORT_FOLDER = "gate"
"""Artifact folder of a run with the gate's report on each version of this run."""


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
    """URI of its artifact folder."""

    @property
    def identity(self) -> Identity:
        """The identity that its manifest must state."""
        return Identity(name=self.name, version=self.number)

    @property
    def is_complete(self) -> bool:
        """Whether all files of its bundle are uploaded; they never change after that."""
        return self.tags.get(BUNDLE_TAG) == COMPLETE

    @property
    def is_uploading(self) -> bool:
        """Whether its files are not complete: a run is uploading them, or was killed before it finished."""
        return self.tags.get(BUNDLE_TAG) == UPLOADING


class Registry(Tracking):
    """A connection to one MLflow server: its registered versions, and its runs."""

    def versions(self, name: str) -> list[Version]:
        """Return all versions, newest first; none if the name is not registered."""
        with self._asking("list versions"):
            aliases = self._aliases(name)
            results = self._client.search_model_versions(f"name = '{name}'")
        versions = [_to_version(version, aliases) for version in results]
        return sorted(versions, key=lambda version: int(version.number), reverse=True)

    def version(self, name: str, number: str) -> Version:
        """Return one version.

        Raises:
            RegistryFailure: there is no version with this number.
        """
        version = next((version for version in self.versions(name) if version.number == number), None)
        if version is None:
            raise RegistryFailure(f"{name} has no version {number}; list versions with: espalier models")
        return version

    def find(self, name: str, wanted: str) -> Version:
        """Return the version with a number or an alias.

        Raises:
            RegistryFailure: there is none.
        """
        if wanted not in ALIASES:
            return self.version(name, wanted)
        number = self.version_of(name, wanted)
        if number is None:
            raise RegistryFailure(f"{name} has no version with the alias {wanted}; list versions with: espalier models")
        return self.version(name, number)

    def create_version(
        self, name: str, *, run_id: str, description: str, tags: Mapping[str, str], version_description: str
    ) -> Version:
        """Register a version without files, with an empty artifact folder in that of its run.

        The registered model is created, or its description updated.
        """
        with self._asking("register a version"):
            self._make_name(name, description)
            source = f"{self._client.get_run(run_id).info.artifact_uri}/{BUNDLE_FOLDER}/{uuid.uuid4().hex}"
            tags = {**tags, BUNDLE_TAG: UPLOADING}
            made = self._client.create_model_version(name, source, run_id, tags=tags, description=version_description)
        return self.version(name, check_version(made.version))

    def upload_bundle(self, version: Version, folder: Path) -> None:
        """Upload the files of an incomplete version.

        Raises:
            RegistryFailure: the version is complete, or another version has the same folder.
        """
        versions = self.versions(version.name)
        current = next((candidate for candidate in versions if candidate.number == version.number), None)
        if current is None or not current.is_uploading:
            raise RegistryFailure(
                f"{version.identity} is complete or was deleted: its files are never written again; train again"
            )
        if any(other.source == current.source for other in versions if other.number != current.number):
            raise RegistryFailure(f"the artifact folder of {version.identity} also belongs to another version")
        with self._asking("store the bundle"):
            self._client.log_artifacts(current.run_id, str(folder), self._folder_in_run(current))

    def log_report(self, version: Version, folder: Path) -> None:
        """Upload the gate's report on a version to its run."""
        with self._asking("store the gate's report"):
            self._client.log_artifacts(version.run_id, str(folder), f"{REPORT_FOLDER}/{version.number}")

    def complete_version(self, version: Version) -> Version:
        """Mark a version as complete: it can be served, and its files never change again."""
        self.tag_version(version, {BUNDLE_TAG: COMPLETE})
        return self.version(version.name, version.number)

    def delete_incomplete(self, version: Version) -> None:
        """Delete an incomplete version and its uploaded files.

        Raises:
            RegistryFailure: the version is complete.
        """
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        if not self.version(version.name, version.number).is_uploading:
            raise RegistryFailure(f"{version.identity} is complete and cannot be deleted")
        with self._asking("delete an incomplete version"):
            self._folder_in_run(version)  # raises if the folder is outside that of its run
            get_artifact_repository(_proxied(version.source), tracking_uri=self._uri).delete_artifacts()
            self._client.delete_model_version(version.name, version.number)

    def tag_version(self, version: Version, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with self._asking("set a tag"):
            for key, value in tags.items():
                self._client.set_model_version_tag(version.name, version.number, key, value)

    def untag_version(self, version: Version, tag: str) -> None:
        """Remove a tag if it exists."""
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
        """Remove an alias if it exists."""
        with self._asking("remove an alias"):
            if alias in self._aliases(name):
                self._client.delete_registered_model_alias(name, alias)

    def download_bundle(self, version: Version, folder: Path, names: tuple[str, ...] = ALL_FILES) -> Path:
        """Download the files of a version's bundle, or only ``names``, to ``folder``; no other files.

        A file that is not there is left out: which files there must be depends on the format in the manifest, so that
        is the reader's question.
        """
        from mlflow.artifacts import download_artifacts, list_artifacts

        with self._asking("return the bundle"):
            uri = _proxied(self._client.get_model_version_download_uri(version.name, version.number))
            stored = {entry.path.rpartition("/")[2] for entry in list_artifacts(uri, tracking_uri=self._uri)}
            for name in names:
                if name in stored:
                    download_artifacts(f"{uri}/{name}", dst_path=str(folder), tracking_uri=self._uri)
        return folder

    def _aliases(self, name: str) -> dict[str, str]:
        models = self._client.search_registered_models(f"name = '{name}'")
        return {alias: check_version(number) for alias, number in models[0].aliases.items()} if models else {}

    def _make_name(self, name: str, description: str) -> None:
        from mlflow.exceptions import RestException

        try:
            if not self._client.search_registered_models(f"name = '{name}'"):
                self._client.create_registered_model(name, description=description)
        except RestException as error:  # a concurrent run may have created it
            if error.error_code != EXISTS:
                raise
        self._client.update_registered_model(name, description=description)

    def _folder_in_run(self, version: Version) -> str:
        root = artifact_folder(self._client.get_run(version.run_id).info.artifact_uri)
        folder = artifact_folder(version.source)
        if not folder.startswith(f"{root}/{BUNDLE_FOLDER}/"):
            raise UnsafeName(f"the artifact folder of {version.identity} is outside that of its run")
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
    """Return the URI of a folder on this MLflow server, whatever host ``uri`` names."""
    return f"{PROXY_SCHEME}:/{artifact_folder(uri)}"
