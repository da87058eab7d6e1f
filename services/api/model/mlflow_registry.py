"""Read MLflow's registry over its REST API.

A few requests do not need MLflow's own client, which would be a quarter of the image and half of the start-up time.
Files are downloaded through MLflow's artifact proxy, so the API needs no credentials for the bucket and no route to it.

Gives:  versions, listings and files.
Raises: StartupFailed if MLflow refuses a request or its response is not valid, RegistryUnavailable if it does not
        answer after all retries, UnsafeName if a name in its response must not become part of a path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from bundle import UnsafeName, artifact_folder, check_version
from bundle.identity import PROXY_SCHEME
from services.api.errors import StartupFailed
from services.api.model.downloads import download

__all__ = ["ModelRegistry", "NotRegistered", "RegisteredVersion", "RegistryAddress", "RegistryUnavailable"]

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
PAGE = 1000
MAX_PAGES = 100
MAX_MILLISECONDS = 253_402_300_800_000
"""The year 10000, later than the creation of any version."""


class RegistryUnavailable(Exception):
    """The registry, or a service it depends on, did not answer."""


class NotRegistered(Exception):
    """The model or the version does not exist."""


@dataclass(frozen=True)
class RegisteredVersion:
    """The attributes of a version that the API needs."""

    number: int
    created: float
    """Seconds since 1970."""

    tags: Mapping[str, str]


@dataclass(frozen=True)
class RegistryAddress:
    """Address, retries and timeout for an MLflow server."""

    uri: str
    retries: int
    """Retries of a failed call."""

    timeout_seconds: float
    """Timeout of one call."""


class ModelRegistry:
    """A connection to one MLflow server."""

    def __init__(self, address: RegistryAddress) -> None:
        """Create the client; nothing is sent yet."""
        self._uri, self._retries = address.uri, address.retries
        self._client = httpx.Client(base_url=address.uri, timeout=address.timeout_seconds)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def aliases(self, name: str) -> dict[str, str]:
        """Return alias → version of a registered model.

        Raises:
            NotRegistered
        """
        answer = self._ask(f"{API}/registered-models/get", {"name": name})
        with self._parsing():
            aliases = answer["registered_model"].get("aliases", [])
            return {str(alias["alias"]): check_version(alias["version"]) for alias in aliases}

    def versions(self, name: str) -> list[RegisteredVersion]:
        """Return every version with its tags, newest first; an empty list if the name is not registered."""
        versions: list[RegisteredVersion] = []
        params = {"filter": f"name = '{name}'", "max_results": str(PAGE)}
        for _ in range(MAX_PAGES):
            answer = self._ask(f"{API}/model-versions/search", params)
            with self._parsing():
                versions += [_to_version(version) for version in answer.get("model_versions", [])]
            token = answer.get("next_page_token")
            if not token:
                break
            params["page_token"] = str(token)
        return sorted(versions, key=lambda version: version.number, reverse=True)

    def folder(self, name: str, version: str) -> str:
        """Return the folder of a version's files, for ``sizes`` and ``download``.

        Raises:
            NotRegistered
            StartupFailed: MLflow does not serve its files.
        """
        answer = self._ask(f"{API}/model-versions/get-download-uri", {"name": name, "version": version})
        with self._parsing():
            uri = answer["artifact_uri"]
            scheme = urlsplit(uri).scheme
        if scheme != PROXY_SCHEME:
            raise StartupFailed(
                f"the files of {name} version {version} are at {scheme[:20]}:, which MLflow does not serve; run "
                "the MLflow server with --serve-artifacts"
            )
        return artifact_folder(uri)

    def sizes(self, folder: str) -> dict[str, int]:
        """Return name → size in bytes of the files in a folder, without subfolders."""
        answer = self._ask(ARTIFACTS, {"path": folder})
        with self._parsing():
            return {_name(file["path"]): max(0, int(file.get("file_size") or 0)) for file in answer.get("files", [])}

    def download(self, folder: str, name: str, to: Path, *, max_bytes: int) -> None:
        """Download one file.

        Raises:
            BundleTooLarge: it is larger than ``max_bytes``, whatever size was listed.
        """
        with self._answering():
            download(self._client, f"{ARTIFACTS}/{quote(folder)}/{name}", to, max_bytes=max_bytes)

    def _ask(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        retrying = Retrying(
            retry=retry_if_exception_type(RegistryUnavailable),
            stop=stop_after_attempt(1 + self._retries),
            wait=wait_exponential(),  # 1 s, 2 s, 4 s, ...
            reraise=True,
        )
        return retrying(self._ask_once, path, params)

    def _ask_once(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        with self._answering():
            answer = self._client.get(path, params=dict(params))
            answer.raise_for_status()
            return dict(answer.json())

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPStatusError as error:
            raise self._refusal(error.response) from error
        except (httpx.TransportError, ValueError, TypeError, RecursionError) as error:
            raise RegistryUnavailable(str(error) or type(error).__name__) from error

    @contextmanager
    def _parsing(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StartupFailed(
                f"the response of {self._uri} is not MLflow's; check API_MLFLOW_TRACKING_URI"
            ) from error

    def _refusal(self, answer: httpx.Response) -> Exception:
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            # For instance because its database or bucket is unavailable.
            return RegistryUnavailable(f"it answered {answer.status_code}")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return NotRegistered()
        answer.read()
        return StartupFailed(f"MLflow at {self._uri} refused ({answer.status_code}): {answer.text[:200]}")


def _name(path: object) -> str:
    if not isinstance(path, str) or not path or "/" in path or "\\" in path or path in (".", ".."):
        raise UnsafeName("MLflow lists a file name that is not inside its folder")
    return path


def _to_version(entry: Mapping[str, Any]) -> RegisteredVersion:
    tags = {tag["key"]: str(tag.get("value", "")) for tag in entry.get("tags", [])}
    created = int(entry["creation_timestamp"])
    if not 0 <= created < MAX_MILLISECONDS:
        raise ValueError("creation_timestamp out of range")
    return RegisteredVersion(int(check_version(entry["version"])), created / 1000, tags)
