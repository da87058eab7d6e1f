"""Bring the bundle to serve to this machine, verified; where the registry is unavailable, the last good one.

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

from bundle import BUNDLE_FILES, BundleError, BundleTooLarge, check_version
from bundle.reader import check_names
from services.api.errors import BundleRefused, NoModelYet, RegistryUnreachable, StartupFailed
from services.api.model.mlflow_registry import ModelRegistry, NotRegistered, RegistryAddress, RegistryUnavailable
from services.api.model.peers import PeerAddress, offers
from services.api.model.wanted import WantedModel

__all__ = ["SOURCES", "BundleSources", "ServedBundle", "fetch_bundle"]

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


@dataclass(frozen=True)
class BundleSources:
    """Where bundles come from."""

    registry: RegistryAddress
    cache_dir: Path
    """Where verified bundles are kept, to start from when the registry is unavailable."""

    peers: PeerAddress


def fetch_bundle(wanted: WantedModel, sources: BundleSources) -> ServedBundle:
    """Return the bundle of the wanted version, or of the alias.

    Raises:
        BundleRefused: what the registry has is no bundle, or none that is trusted, or not of the version asked for.
        NoModelYet: the registry has no version that passed the gate, and none is named.
        RegistryUnreachable: the registry does not answer, and no good bundle is at hand.
        StartupFailed: no such version, or the registry refuses.
    """
    cache = sources.cache_dir / wanted.name
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupFailed(f"bundles cannot be kept in {cache} (API_MODEL_CACHE_DIR): {error.strerror}") from error
    try:
        served = _from_registry(wanted, sources.registry, cache)
    except RegistryUnavailable as error:
        served = _last_good(wanted, sources, cache, error)
    _note_last_good(cache, served.version)
    return served


def _from_registry(wanted: WantedModel, address: RegistryAddress, cache: Path) -> ServedBundle:
    version = wanted.version
    with closing(ModelRegistry(address)) as registry:
        try:
            version = version or _resolve(registry, wanted)
            if not _is_good(cache / version, version, wanted):
                _download(registry, wanted, version, cache / version)
        except NotRegistered as error:
            raise StartupFailed(f"the registry has no {wanted.name} version {version}") from error
        except BundleError as error:
            which = f"{wanted.name} version {version}" if version else f"{wanted.name}'s champion"
            raise BundleRefused(f"the bundle of {which} is refused ({error.reason}): {error}") from error
    return ServedBundle(wanted.name, version, cache / version, "registry")


def _resolve(registry: ModelRegistry, wanted: WantedModel) -> str:
    try:
        version = registry.aliases(wanted.name).get(wanted.alias)
    except NotRegistered as error:
        raise NoModelYet(f"the registry has no model {wanted.name}; train one, or set API_MODEL_NAME") from error
    if version is None:
        raise NoModelYet(
            f"{wanted.name} has no alias {wanted.alias}: no version has passed the gate yet; "
            "train one, or set API_MODEL_VERSION"
        )
    return version


def _download(registry: ModelRegistry, wanted: WantedModel, version: str, folder: Path) -> None:
    source = registry.folder(wanted.name, version)
    _check_listing(registry.sizes(source), wanted.max_bytes)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        for name in BUNDLE_FILES:
            registry.download(source, name, Path(temporary) / name, max_bytes=wanted.max_bytes)
        wanted.read(Path(temporary), version)
        _keep(Path(temporary), folder)


def _check_listing(sizes: dict[str, int], max_bytes: int) -> None:
    check_names(list(sizes))
    total = sum(sizes[name] for name in BUNDLE_FILES)
    if total > max_bytes:  # before it fills the disk; what was really sent is measured again
        raise BundleTooLarge(f"the bundle has {total:,} bytes, more than the limit of {max_bytes:,}")


def _last_good(wanted: WantedModel, sources: BundleSources, cache: Path, error: RegistryUnavailable) -> ServedBundle:
    version, source = wanted.version or _noted(cache), SOURCES[1]
    if version is None or not _is_good(cache / version, version, wanted):
        version, source = _from_peer(wanted, sources.peers, cache), SOURCES[2]
    if version is None:
        raise RegistryUnreachable(
            f"MLflow at {sources.registry.uri} did not answer ({error}), and no good bundle is kept in "
            f"{cache} or served by a peer; is it running, and is API_MLFLOW_TRACKING_URI right?"
        ) from error
    log.warning(
        "the registry is unavailable, serving the last good bundle", extra={"model_version": version, "from": source}
    )
    return ServedBundle(wanted.name, version, cache / version, source)


def _from_peer(wanted: WantedModel, peers: PeerAddress, cache: Path) -> str | None:
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        for version in offers(peers, wanted, Path(temporary)):
            try:
                wanted.read(Path(temporary), version)
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


def _is_good(folder: Path, version: str, wanted: WantedModel) -> bool:
    if not folder.is_dir():
        return False
    try:
        wanted.read(folder, version)
    except BundleError:
        return False
    return True
