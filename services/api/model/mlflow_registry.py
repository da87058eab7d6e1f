"""MLflow's registry, read only, over its REST API.

A few questions do not need MLflow's own client, which would be a quarter of the image and half of the time of a start.
Files come through MLflow itself (its artifact proxy), so that the API needs no key to the bucket and no way to it.

Gives:  versions, listings, and files.
Raises: StartupFailed when MLflow refuses or says what cannot be understood, RegistryUnavailable when it does not answer
        within the retry budget, UnsafeName when it names what must not become part of a path.
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
"""The year 10000: later than any version was made."""


class RegistryUnavailable(Exception):
    """The registry did not answer, or what it stands on is unavailable."""


class NotRegistered(Exception):
    """There is no such model, or no such version."""


@dataclass(frozen=True)
class RegisteredVersion:
    """One version, as far as the API needs to know."""

    number: int
    created: float
    """Seconds since 1970."""

    tags: Mapping[str, str]


@dataclass(frozen=True)
class RegistryAddress:
    """Where an MLflow server is, and how patiently it is asked."""

    uri: str
    retries: int
    """How often a failed call is made again."""

    timeout_seconds: float
    """How long one call may take."""


class ModelRegistry:
    """A connection to one MLflow server."""

    def __init__(self, address: RegistryAddress) -> None:
        """Prepare; nothing is sent yet."""
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
        with self._understanding():
            aliases = answer["registered_model"].get("aliases", [])
            return {str(one["alias"]): check_version(one["version"]) for one in aliases}

    def versions(self, name: str) -> list[RegisteredVersion]:
        """Return every version with its tags, newest first; none where the name is not registered."""
        found: list[RegisteredVersion] = []
        params = {"filter": f"name = '{name}'", "max_results": str(PAGE)}
        for _ in range(MAX_PAGES):
            answer = self._ask(f"{API}/model-versions/search", params)
            with self._understanding():
                found += [_to_version(one) for one in answer.get("model_versions", [])]
            token = answer.get("next_page_token")
            if not token:
                break
            params["page_token"] = str(token)
        return sorted(found, key=lambda version: version.number, reverse=True)

    def folder(self, name: str, version: str) -> str:
        """Return where a version's files are, as ``sizes`` and ``download`` take it.

        Raises:
            NotRegistered
            StartupFailed: its files are not where MLflow serves them.
        """
        answer = self._ask(f"{API}/model-versions/get-download-uri", {"name": name, "version": version})
        with self._understanding():
            uri = answer["artifact_uri"]
            scheme = urlsplit(uri).scheme
        if scheme != PROXY_SCHEME:
            raise StartupFailed(
                f"the files of {name} version {version} lie at {scheme[:20]}:, and MLflow does not serve them; run "
                "its server with --serve-artifacts"
            )
        return artifact_folder(uri)

    def sizes(self, folder: str) -> dict[str, int]:
        """Return name → bytes of the files of a folder, none of them outside of it."""
        answer = self._ask(ARTIFACTS, {"path": folder})
        with self._understanding():
            return {_name(one["path"]): max(0, int(one.get("file_size") or 0)) for one in answer.get("files", [])}

    def download(self, folder: str, name: str, to: Path, *, max_bytes: int) -> None:
        """Write one file.

        Raises:
            BundleTooLarge: it is larger than ``max_bytes``, whatever the listing said.
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
    def _understanding(self) -> Iterator[None]:
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StartupFailed(f"MLflow at {self._uri} gave an answer that is not MLflow's") from error

    def _refusal(self, answer: httpx.Response) -> Exception:
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            return RegistryUnavailable(f"it answered {answer.status_code}")  # its database or its bucket is unavailable
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return NotRegistered()
        answer.read()
        return StartupFailed(f"MLflow at {self._uri} refused ({answer.status_code}): {answer.text[:200]}")


def _name(path: object) -> str:
    if not isinstance(path, str) or not path or "/" in path or "\\" in path or path in (".", ".."):
        raise UnsafeName("MLflow lists a file whose name leads out of its folder")
    return path


def _to_version(found: Mapping[str, Any]) -> RegisteredVersion:
    tags = {one["key"]: str(one.get("value", "")) for one in found.get("tags", [])}
    created = int(found["creation_timestamp"])
    if not 0 <= created < MAX_MILLISECONDS:
        raise ValueError("no time")
    return RegisteredVersion(int(check_version(found["version"])), created / 1000, tags)
