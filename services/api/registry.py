"""MLflow's registry, read only, over its REST API.

A few questions do not need MLflow's own client, which would be a quarter of the image and half of the time of a start.
Files come through MLflow itself (its artifact proxy), so that the API needs no key to the bucket and no way to it.

Gives:  versions, listings, and files.
Raises: StartupFailed when MLflow refuses, RegistryAway when it does not answer within the retry budget.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from services.api.downloads import download
from services.api.errors import StartupFailed
from services.api.settings import Settings

__all__ = ["ModelRegistry", "NotRegistered", "RegisteredVersion", "RegistryAway"]

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
PROXIED = "mlflow-artifacts"
PAGE = 1000
MAX_PAGES = 100


class RegistryAway(Exception):
    """The registry did not answer, or what it stands on is away."""


class NotRegistered(Exception):
    """There is no such model, or no such version."""


@dataclass(frozen=True)
class RegisteredVersion:
    """One version, as far as the API needs to know."""

    number: int
    created: float
    """Seconds since 1970."""

    tags: Mapping[str, str]


class ModelRegistry:
    """A connection to one MLflow server."""

    def __init__(self, settings: Settings, *, retries: int | None = None, seconds: float | None = None) -> None:
        """Prepare; nothing is sent yet. Patience as in the settings for a start, or less."""
        self._uri = settings.mlflow_tracking_uri
        self._retries = settings.registry_retries if retries is None else retries
        self._client = httpx.Client(base_url=self._uri, timeout=seconds or settings.registry_timeout_seconds)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def aliases(self, name: str) -> dict[str, str]:
        """Return alias → version of a registered model.

        Raises:
            NotRegistered
        """
        model = self._ask(f"{API}/registered-models/get", {"name": name})["registered_model"]
        return {one["alias"]: str(one["version"]) for one in model.get("aliases", [])}

    def versions(self, name: str) -> list[RegisteredVersion]:
        """Return every version with its tags, newest first; none where the name is not registered."""
        found: list[RegisteredVersion] = []
        params = {"filter": f"name = '{name}'", "max_results": str(PAGE)}
        for _ in range(MAX_PAGES):
            answer = self._ask(f"{API}/model-versions/search", params)
            found += [_to_version(one) for one in answer.get("model_versions", [])]
            token = answer.get("next_page_token")
            if not token:
                break
            params["page_token"] = token
        return sorted(found, key=lambda version: version.number, reverse=True)

    def folder(self, name: str, version: str) -> str:
        """Return where a version's files are, as ``sizes`` and ``download`` take it.

        Raises:
            NotRegistered
            StartupFailed: its files are not where MLflow hands them on.
        """
        answer = self._ask(f"{API}/model-versions/get-download-uri", {"name": name, "version": version})
        uri = urlsplit(answer["artifact_uri"])
        if uri.scheme != PROXIED:
            raise StartupFailed(
                f"the files of {name} version {version} lie at {uri.scheme}:, and MLflow does not hand them on; run "
                "its server with --serve-artifacts"
            )
        return str(uri.path).strip("/")

    def sizes(self, folder: str) -> dict[str, int]:
        """Return name → bytes of the files of a folder."""
        listed = self._ask(ARTIFACTS, {"path": folder}).get("files", [])
        return {Path(one["path"]).name: int(one.get("file_size") or 0) for one in listed}

    def download(self, folder: str, name: str, to: Path, *, max_bytes: int) -> None:
        """Write one file.

        Raises:
            BundleTooLarge: it is larger than ``max_bytes``, whatever the listing said.
        """
        with self._answering():
            download(self._client, f"{ARTIFACTS}/{quote(folder)}/{name}", to, max_bytes=max_bytes)

    def _ask(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        for left in range(self._retries, -1, -1):
            try:
                with self._answering():
                    answer = self._client.get(path, params=dict(params))
                    answer.raise_for_status()
                    return dict(answer.json())
            except RegistryAway:
                if not left:
                    raise
                time.sleep(2.0 ** (self._retries - left))
        raise AssertionError("the loop returns or raises")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPStatusError as error:
            raise self._refusal(error.response) from error
        except (httpx.TransportError, ValueError) as error:
            raise RegistryAway(str(error) or type(error).__name__) from error

    def _refusal(self, answer: httpx.Response) -> Exception:
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            return RegistryAway(f"it answered {answer.status_code}")  # its database or its bucket is away
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return NotRegistered()
        answer.read()
        return StartupFailed(f"MLflow at {self._uri} refused ({answer.status_code}): {answer.text[:200]}")


def _to_version(found: Mapping[str, Any]) -> RegisteredVersion:
    tags = {one["key"]: str(one.get("value", "")) for one in found.get("tags", [])}
    return RegisteredVersion(int(found["version"]), int(found["creation_timestamp"]) / 1000, tags)
