"""Bring the bundle to serve to this machine, verified; where the registry is away, the last good one.

Reads:  the MLflow registry, then what this machine has kept, then other pods of the API.
Gives:  a folder with the six files of a bundle whose signature holds.
Never:  opens any other file of the version, or loads a model.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from espalier.bundle import BUNDLE_FILES, BundleError, BundleTooLarge, read_bundle
from espalier.bundle.reader import check_names
from services.api.errors import BundleRefused, StartupFailed
from services.api.keys import load_bundle_keys
from services.api.peers import offers
from services.api.registry import ModelRegistry, NotRegistered, RegistryAway
from services.api.settings import Settings

__all__ = ["SOURCES", "ServedBundle", "fetch_bundle"]

LAST_GOOD = "last-good.json"

Source = Literal["registry", "cache", "peer"]
SOURCES: tuple[Source, ...] = ("registry", "cache", "peer")

log = logging.getLogger("espalier.api.bundles")


@dataclass(frozen=True)
class ServedBundle:
    """Which version is served, where its verified files lie, and where they came from."""

    name: str
    version: str
    folder: Path
    source: Source


def fetch_bundle(settings: Settings) -> ServedBundle:
    """Return the bundle of the wanted version, or of the alias.

    Raises:
        BundleRefused: what the registry has is no bundle, or none that is trusted.
        StartupFailed: no such version, or a registry that is away and no good bundle at hand.
    """
    cache = settings.model_cache_dir / settings.model_name
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupFailed(f"bundles cannot be kept in {cache} (API_MODEL_CACHE_DIR): {error.strerror}") from error
    try:
        served = _from_registry(settings, cache)
    except RegistryAway as error:
        served = _last_good(settings, cache, error)
    (cache / LAST_GOOD).write_text(json.dumps({"version": served.version}))
    return served


def _from_registry(settings: Settings, cache: Path) -> ServedBundle:
    version = settings.model_version
    with closing(ModelRegistry(settings)) as registry:
        version = version or _resolve(registry, settings)
        try:
            if not _is_good(cache / version, settings):
                _download(registry, settings, version, cache / version)
        except NotRegistered as error:
            raise StartupFailed(f"the registry has no {settings.model_name} version {version}") from error
        except BundleError as error:
            raise BundleRefused(
                f"the bundle of {settings.model_name} version {version} is refused ({error.reason}): {error}"
            ) from error
    return ServedBundle(settings.model_name, version, cache / version, "registry")


def _resolve(registry: ModelRegistry, settings: Settings) -> str:
    try:
        version = registry.aliases(settings.model_name).get(settings.model_alias)
    except NotRegistered as error:
        raise StartupFailed(
            f"the registry has no model {settings.model_name}; train one, or set API_MODEL_NAME"
        ) from error
    if version is None:
        raise StartupFailed(
            f"{settings.model_name} has no alias {settings.model_alias}: no version has passed the gate yet; "
            "train one, or set API_MODEL_VERSION"
        )
    return version


def _download(registry: ModelRegistry, settings: Settings, version: str, folder: Path) -> None:
    source = registry.folder(settings.model_name, version)
    _check_listing(registry.sizes(source), settings.model_max_bytes)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        for name in BUNDLE_FILES:
            registry.download(source, name, Path(temporary) / name, max_bytes=settings.model_max_bytes)
        _verify(Path(temporary), settings)
        _keep(Path(temporary), folder)


def _check_listing(sizes: dict[str, int], max_bytes: int) -> None:
    check_names(list(sizes))
    total = sum(sizes[name] for name in BUNDLE_FILES)
    if total > max_bytes:  # before it fills the disk; what was really sent is measured again
        raise BundleTooLarge(f"the bundle has {total:,} bytes, more than the limit of {max_bytes:,}")


def _last_good(settings: Settings, cache: Path, error: RegistryAway) -> ServedBundle:
    note = cache / LAST_GOOD
    kept = json.loads(note.read_text())["version"] if note.exists() else None
    version, source = settings.model_version or kept, SOURCES[1]
    if version is None or not _is_good(cache / version, settings):
        version, source = _from_peer(settings, cache), SOURCES[2]
    if version is None:
        raise StartupFailed(
            f"MLflow at {settings.mlflow_tracking_uri} did not answer ({error}), and no good bundle is kept in "
            f"{cache} or served by a peer; is it running, and is API_MLFLOW_TRACKING_URI right?"
        ) from error
    log.warning("the registry is away, serving the last good bundle", extra={"model_version": version, "from": source})
    return ServedBundle(settings.model_name, version, cache / version, source)


def _from_peer(settings: Settings, cache: Path) -> str | None:
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        for version in offers(settings, Path(temporary)):
            try:
                _verify(Path(temporary), settings)
            except BundleError as error:
                log.error("a peer's bundle is refused", extra={"reason": error.reason, "error": str(error)})
                continue
            _keep(Path(temporary), cache / version)
            return version
    return None


def _keep(verified: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(verified, folder)


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
