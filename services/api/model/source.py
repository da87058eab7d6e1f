"""Fetch and verify the bundle to serve; if the registry is unavailable, use the last verified one.

Reads:  the MLflow registry, then the cache of this machine, then other pods of the API.
Gives:  a folder with the files of a bundle, signed by a trusted key for the version that is served.
Never:  opens another file of the version, loads a model, or uses an unchecked name in a path.
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

from bundle import ALL_FILES, BundleError, BundleTooLarge, check_version
from bundle.reader import check_names
from services.api.errors import BundleRefused, NoModelYet, RegistryUnreachable, StartupFailed
from services.api.model.mlflow_registry import ModelRegistry, NotRegistered, RegistryAddress, RegistryUnavailable
from services.api.model.peers import PeerAddress, offers
from services.api.model.requested import RequestedModel

__all__ = ["SOURCES", "BundleSources", "ServedBundle", "fetch_bundle"]

LAST_GOOD = "last-good.json"

Source = Literal["registry", "cache", "peer"]
SOURCES: tuple[Source, ...] = ("registry", "cache", "peer")

log = logging.getLogger("espalier.api.bundles")


@dataclass(frozen=True)
class ServedBundle:
    """The served version, the folder of its verified files, and their source."""

    name: str
    version: str
    folder: Path
    source: Source


@dataclass(frozen=True)
class BundleSources:
    """The sources of bundles."""

    registry: RegistryAddress
    cache_dir: Path
    """Folder of verified bundles, used when the registry is unavailable."""

    peers: PeerAddress


def fetch_bundle(requested: RequestedModel, sources: BundleSources) -> ServedBundle:
    """Return the bundle of the requested version, or of the alias.

    Raises:
        BundleRefused: the registry has no valid bundle, or one that is not trusted or not of the requested version.
        NoModelYet: no version in the registry has passed the gate, and no version was requested.
        RegistryUnreachable: the registry does not answer, and no verified bundle is available.
        StartupFailed: the version does not exist, or the registry refuses the request.
    """
    cache = sources.cache_dir / requested.name
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupFailed(f"cannot write bundles to {cache} (API_MODEL_CACHE_DIR): {error.strerror}") from error
    try:
        served = _from_registry(requested, sources.registry, cache)
    except RegistryUnavailable as error:
        served = _last_good(requested, sources, cache, error)
    _note_last_good(cache, served.version)
    return served


def _from_registry(requested: RequestedModel, address: RegistryAddress, cache: Path) -> ServedBundle:
    version = requested.version
    with closing(ModelRegistry(address)) as registry:
        try:
            version = version or _resolve(registry, requested)
            if not _is_good(cache / version, version, requested):
                _download(registry, requested, version, cache / version)
        except NotRegistered as error:
            raise StartupFailed(f"the registry has no {requested.name} version {version}") from error
        except BundleError as error:
            which = f"{requested.name} version {version}" if version else f"{requested.name}'s champion"
            raise BundleRefused(f"the bundle of {which} is refused ({error.reason}): {error}") from error
    return ServedBundle(requested.name, version, cache / version, "registry")


def _resolve(registry: ModelRegistry, requested: RequestedModel) -> str:
    try:
        version = registry.aliases(requested.name).get(requested.alias)
    except NotRegistered as error:
        raise NoModelYet(f"the registry has no model {requested.name}; train one, or set API_MODEL_NAME") from error
    if version is None:
        raise NoModelYet(
            f"{requested.name} has no alias {requested.alias}: no version has passed the gate yet; "
            "train one, or set API_MODEL_VERSION"
        )
    return version


def _download(registry: ModelRegistry, requested: RequestedModel, version: str, folder: Path) -> None:
    source = registry.folder(requested.name, version)
    names = _check_listing(registry.sizes(source), requested.max_bytes)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        for name in names:
            registry.download(source, name, Path(temporary) / name, max_bytes=requested.max_bytes)
        requested.read(Path(temporary), version)
        _keep(Path(temporary), folder)


def _check_listing(sizes: dict[str, int], max_bytes: int) -> list[str]:
    check_names(list(sizes))
    names = [name for name in ALL_FILES if name in sizes]
    total = sum(sizes[name] for name in names)
    if total > max_bytes:  # before it fills the disk; the download has the same limit
        raise BundleTooLarge(f"the bundle has {total:,} bytes, more than the limit of {max_bytes:,}")
    return names


def _last_good(
    requested: RequestedModel, sources: BundleSources, cache: Path, error: RegistryUnavailable
) -> ServedBundle:
    version, source = requested.version or _noted(cache), SOURCES[1]
    if version is None or not _is_good(cache / version, version, requested):
        version, source = _from_peer(requested, sources.peers, cache), SOURCES[2]
    if version is None:
        raise RegistryUnreachable(
            f"MLflow at {sources.registry.uri} did not answer ({error}), and there is no verified bundle "
            f"in {cache} or at a peer; check that it is running, and API_MLFLOW_TRACKING_URI"
        ) from error
    log.warning(
        "the registry is unavailable, serving the last verified bundle",
        extra={"model_version": version, "from": source},
    )
    return ServedBundle(requested.name, version, cache / version, source)


def _from_peer(requested: RequestedModel, peers: PeerAddress, cache: Path) -> str | None:
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        for version in offers(peers, requested, Path(temporary)):
            try:
                requested.read(Path(temporary), version)
            except BundleError as error:
                log.error("the bundle of a peer is refused", extra={"reason": error.reason, "error": str(error)})
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
    except (OSError, ValueError, KeyError, TypeError, BundleError):  # no such file, or not written by this API
        return None


def _keep(verified: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(verified, folder)


def _is_good(folder: Path, version: str, requested: RequestedModel) -> bool:
    if not folder.is_dir():
        return False
    try:
        requested.read(folder, version)
    except BundleError:
        return False
    return True
