"""Bring the bundle to serve to this machine, verified; where the registry is away, the last good one.

Reads:  the MLflow registry, then what this machine has kept, then other pods of the API.
Gives:  a folder with the six files of a bundle whose signature holds, and holds for the version that is served.
Never:  opens any other file of the version, loads a model, or makes a path of what is not checked.
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

from espalier.bundle import BUNDLE_FILES, BundleError, BundleTooLarge, Identity, check_version, read_bundle
from espalier.bundle.reader import check_names
from services.api.errors import BundleRefused, NoModelYet, RegistryUnreachable, StartupFailed
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
        BundleRefused: what the registry has is no bundle, or none that is trusted, or not of the version asked for.
        NoModelYet: the registry has no version that passed the gate, and none is named.
        RegistryUnreachable: the registry does not answer, and no good bundle is at hand.
        StartupFailed: no such version, or the registry refuses.
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
    _note_last_good(cache, served.version)
    return served


def _from_registry(settings: Settings, cache: Path) -> ServedBundle:
    version = settings.model_version
    with closing(ModelRegistry(settings)) as registry:
        try:
            version = version or _resolve(registry, settings)
            if not _is_good(cache / version, version, settings):
                _download(registry, settings, version, cache / version)
        except NotRegistered as error:
            raise StartupFailed(f"the registry has no {settings.model_name} version {version}") from error
        except BundleError as error:
            wanted = f"{settings.model_name} version {version}" if version else f"{settings.model_name}'s champion"
            raise BundleRefused(f"the bundle of {wanted} is refused ({error.reason}): {error}") from error
    return ServedBundle(settings.model_name, version, cache / version, "registry")


def _resolve(registry: ModelRegistry, settings: Settings) -> str:
    try:
        version = registry.aliases(settings.model_name).get(settings.model_alias)
    except NotRegistered as error:
        raise NoModelYet(
            f"the registry has no model {settings.model_name}; train one, or set API_MODEL_NAME"
        ) from error
    if version is None:
        raise NoModelYet(
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
        _verify(Path(temporary), version, settings)
        _keep(Path(temporary), folder)


def _check_listing(sizes: dict[str, int], max_bytes: int) -> None:
    check_names(list(sizes))
    total = sum(sizes[name] for name in BUNDLE_FILES)
    if total > max_bytes:  # before it fills the disk; what was really sent is measured again
        raise BundleTooLarge(f"the bundle has {total:,} bytes, more than the limit of {max_bytes:,}")


def _last_good(settings: Settings, cache: Path, error: RegistryAway) -> ServedBundle:
    version, source = settings.model_version or _noted(cache), SOURCES[1]
    if version is None or not _is_good(cache / version, version, settings):
        version, source = _from_peer(settings, cache), SOURCES[2]
    if version is None:
        raise RegistryUnreachable(
            f"MLflow at {settings.mlflow_tracking_uri} did not answer ({error}), and no good bundle is kept in "
            f"{cache} or served by a peer; is it running, and is API_MLFLOW_TRACKING_URI right?"
        ) from error
    log.warning("the registry is away, serving the last good bundle", extra={"model_version": version, "from": source})
    return ServedBundle(settings.model_name, version, cache / version, source)


def _from_peer(settings: Settings, cache: Path) -> str | None:
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        for version in offers(settings, Path(temporary)):
            try:
                _verify(Path(temporary), version, settings)
            except BundleError as error:
                log.error("a peer's bundle is refused", extra={"reason": error.reason, "error": str(error)})
                continue
            _keep(Path(temporary), cache / version)
            return version
    return None


def _note_last_good(cache: Path, version: str) -> None:
    written = cache / f"{LAST_GOOD}.new"
    written.write_text(json.dumps({"version": version}))
    written.replace(cache / LAST_GOOD)


def _noted(cache: Path) -> str | None:
    try:
        return check_version(json.loads((cache / LAST_GOOD).read_text())["version"])
    except (OSError, ValueError, KeyError, TypeError, BundleError):  # none kept, or a file that others have written
        return None


def _keep(verified: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(verified, folder)


def _is_good(folder: Path, version: str, settings: Settings) -> bool:
    if not folder.is_dir():
        return False
    try:
        _verify(folder, version, settings)
    except BundleError:
        return False
    return True


def _verify(folder: Path, version: str, settings: Settings) -> None:
    expected = Identity(name=settings.model_name, version=version)
    keys = load_bundle_keys(settings)
    read_bundle(folder, expected=expected, trusted_keys=keys, max_bytes=settings.model_max_bytes)
