"""Bring the bundle to serve to this machine, verified; from the registry, or the last good one when that is away.

Reads:  the MLflow registry: alias to version, and the version's files.
Gives:  a folder with the six files of a bundle whose signature holds.
Never:  opens any other file of the version, loads a model, or uses MLflow's model loading, which runs what it finds.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from espalier.bundle import BUNDLE_FILES, BundleError, BundleTooLarge, read_bundle
from espalier.bundle.reader import check_names
from services.api.errors import StartupFailed
from services.api.keys import load_bundle_keys
from services.api.settings import Settings

__all__ = ["ServedBundle", "fetch_bundle"]

LAST_GOOD = "last-good.json"

log = logging.getLogger("espalier.api.bundles")


@dataclass(frozen=True)
class ServedBundle:
    """Which version is served, and where its verified files lie."""

    name: str
    version: str
    folder: Path
    source: Literal["registry", "cache"]


class RegistryAway(Exception):
    """The registry did not answer within the retry budget."""


def fetch_bundle(settings: Settings) -> ServedBundle:
    """Return the bundle of the wanted version, or of the alias.

    Raises:
        StartupFailed: no such version, a bundle that is refused, or a registry that is away with no good bundle kept.
    """
    cache = settings.model_cache_dir / settings.model_name
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupFailed(f"bundles cannot be kept in {cache} (API_MODEL_CACHE_DIR): {error.strerror}") from error
    try:
        version = settings.model_version or _resolve(settings)
        folder = cache / version
        if not _is_good(folder, settings):
            _download(settings, version, folder)
    except RegistryAway as error:
        return _last_good(settings, cache, error)
    except BundleError as error:
        raise StartupFailed(
            f"the bundle of {settings.model_name} version {version} is refused ({error.reason}): {error}"
        ) from error
    (cache / LAST_GOOD).write_text(json.dumps({"version": version}))
    return ServedBundle(settings.model_name, version, folder, "registry")


def _resolve(settings: Settings) -> str:
    with _registry(settings) as client:
        try:
            found = client.get_registered_model(settings.model_name)
        except _refusal() as error:
            raise StartupFailed(
                f"the registry has no model {settings.model_name}; train one, or set API_MODEL_NAME"
            ) from error
        version = found.aliases.get(settings.model_alias)
        if version is None:
            raise StartupFailed(
                f"{settings.model_name} has no alias {settings.model_alias}: no version has passed the gate yet; "
                "train one, or set API_MODEL_VERSION"
            )
        return str(version)


def _download(settings: Settings, version: str, folder: Path) -> None:
    from mlflow.artifacts import download_artifacts, list_artifacts

    with _registry(settings) as client, tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        try:
            source = client.get_model_version_download_uri(settings.model_name, version)
            listed = list_artifacts(artifact_uri=source, tracking_uri=settings.mlflow_tracking_uri)
        except _refusal() as error:
            raise StartupFailed(f"the registry has no {settings.model_name} version {version}") from error
        _check_listing({Path(entry.path).name: entry.file_size or 0 for entry in listed}, settings.model_max_bytes)
        for name in BUNDLE_FILES:
            download_artifacts(
                artifact_uri=f"{source}/{name}", dst_path=temporary, tracking_uri=settings.mlflow_tracking_uri
            )
        _verify(Path(temporary), settings)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(temporary, folder)


def _check_listing(sizes: dict[str, int], max_bytes: int) -> None:
    check_names(list(sizes))
    total = sum(sizes[name] for name in BUNDLE_FILES)
    if total > max_bytes:  # before it fills the disk; what was really sent is measured again
        raise BundleTooLarge(f"the bundle has {total:,} bytes, more than the limit of {max_bytes:,}")


def _last_good(settings: Settings, cache: Path, error: RegistryAway) -> ServedBundle:
    note = cache / LAST_GOOD
    kept = json.loads(note.read_text())["version"] if note.exists() else None
    version = settings.model_version or kept
    if version is None or not _is_good(cache / version, settings):
        raise StartupFailed(
            f"MLflow at {settings.mlflow_tracking_uri} did not answer ({error}), and no good bundle is kept in "
            f"{cache}; is it running, and is API_MLFLOW_TRACKING_URI right?"
        ) from error
    log.warning("the registry is away, serving the last good bundle", extra={"model_version": version})
    return ServedBundle(settings.model_name, version, cache / version, "cache")


def _is_good(folder: Path, settings: Settings) -> bool:
    if not folder.is_dir():
        return False
    try:
        _verify(folder, settings)
    except BundleError:
        return False
    return True


def _verify(folder: Path, settings: Settings) -> None:
    read_bundle(folder, trusted_keys=load_bundle_keys(settings), max_bytes=settings.model_max_bytes)


def _refusal() -> type[Exception]:
    from mlflow.exceptions import RestException

    return RestException  # type: ignore[no-any-return]


@contextmanager
def _registry(settings: Settings) -> Iterator[Any]:
    import mlflow
    from mlflow import environment_variables as knobs
    from mlflow.exceptions import MlflowException, RestException

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    knobs.MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(settings.registry_retries)
    knobs.MLFLOW_HTTP_REQUEST_TIMEOUT.set(settings.registry_timeout_seconds)
    knobs.MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.set(1)
    knobs.MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    knobs.MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD.set(False)  # through MLflow: the API has no way to the bucket
    try:
        yield mlflow.MlflowClient(tracking_uri=settings.mlflow_tracking_uri)
    except RestException as error:
        raise StartupFailed(f"MLflow at {settings.mlflow_tracking_uri} refused: {error.message}") from error
    except (MlflowException, OSError) as error:
        raise RegistryAway(str(error).splitlines()[0][:200]) from error
