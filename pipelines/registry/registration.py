"""Which registered version answers for a piece of work, and how a new one comes to be complete.

A version is judged against one champion, and its signed manifest says which. So the same work is registered once for
each champion that it was compared with, and what is registered is never changed. The order of writes is the point:
MLflow gives the number, the manifest names it and is signed, the files are uploaded, and only then is the version
complete. Killed in between, the next run of the same work completes the same version.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from bundle import BundleError, GateCheck, GateVerdict, MalformedBundle, Manifest
from bundle.layout import MANIFEST
from bundle.vocabulary import (
    COMPARED_WITH_TAG,
    COMPLETE,
    GATE_TAG,
    PASSED,
    REASONS_TAG,
    REJECTED,
    ROLLOUT_TAG,
    SUPERSEDED_TAG,
)
from pipelines.errors import PipelineError
from pipelines.gate.checks import Verdict
from pipelines.registry.versions import KEY_TAG, Registry, Version

__all__ = [
    "find_version",
    "is_current",
    "read_verdict",
    "settle_others",
    "stated",
    "tags_of",
]

ABANDONED_SECONDS = 24 * 60 * 60
"""So old, a version of other work that is still incomplete has been given up."""

MAX_DELETED = 20
"""Incomplete versions deleted in one run."""

log = logging.getLogger("espalier.pipelines.registration")


def find_version(versions: Sequence[Version], *, key: str, champion: str | None) -> Version | None:
    """Return the version that answers for the work of ``key``, or None where it is to be judged (again).

    The champion itself and what has been champion before need no new verdict; any other version answers only while the
    champion is the one that it was compared with.

    Args:
        versions: every version of the model, newest first.
        champion: number of the champion.
    """
    mine = [version for version in versions if version.tags.get(KEY_TAG) == key]
    return (
        next((version for version in mine if version.number == champion), None)
        or next((version for version in mine if version.tags.get(ROLLOUT_TAG) == COMPLETE), None)
        or next((version for version in mine if version.tags.get(COMPARED_WITH_TAG) == (champion or "")), None)
    )


def is_current(versions: Sequence[Version], number: str, *, champion: str | None) -> bool:
    """Whether a registered version still answers for its work, with the champion of now.

    Args:
        versions: as for ``find_version``.
        number: of a version; one that is not among them is left alone.
    """
    version = next((one for one in versions if one.number == number), None)
    if version is None:
        return True
    found = find_version(versions, key=version.tags.get(KEY_TAG, ""), champion=champion)
    return found is not None and found.number == number


def settle_others(registry: Registry, version: Version) -> None:
    """Mark what the same work was registered as before, and delete what was never completed and never will be."""
    registry.untag_version(version, SUPERSEDED_TAG)  # an earlier champion is back, and with it this verdict
    others = [one for one in registry.versions(version.name) if one.number != version.number]
    key, now = version.tags.get(KEY_TAG), time.time()
    left = MAX_DELETED
    for other in others:
        is_same = other.tags.get(KEY_TAG) == key
        if other.is_uploading:
            if left and (is_same or now - other.created > ABANDONED_SECONDS):
                _delete(registry, other)
                left -= 1
        elif is_same and other.tags.get(SUPERSEDED_TAG) != version.number:
            registry.tag_version(other, {SUPERSEDED_TAG: version.number})


def _delete(registry: Registry, version: Version) -> None:
    try:
        registry.delete_incomplete(version)
    except (PipelineError, BundleError) as error:  # the next run tries again; this one's work is done
        log.warning("%s could not be deleted: %s", version.identity, error)


def read_verdict(registry: Registry, version: Version, folder: Path) -> GateVerdict:
    """Return what the gate said of a version, from the manifest in its bundle.

    Args:
        folder: an empty one, to download to.

    Raises:
        MalformedBundle: it was written by another release.
    """
    registry.download_bundle(version, folder, (MANIFEST,))
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes()).verdict
    except ValidationError as error:
        raise MalformedBundle(f"the {MANIFEST} of {version.identity} is not of this release's format") from error


def stated(verdict: Verdict) -> GateVerdict:
    """Return the verdict as a manifest states it."""
    return GateVerdict(
        passed=verdict.passed,
        champion_version=verdict.champion_version,
        checks=tuple(
            GateCheck(name=check.name, found=check.found, wanted=check.wanted, passed=check.passed)
            for check in verdict.checks
        ),
        reasons=tuple(verdict.reasons),
    )


def tags_of(key: str, verdict: GateVerdict) -> Mapping[str, str]:
    """Return the tags that say on MLflow's pages what the manifest says."""
    return {
        KEY_TAG: key,
        GATE_TAG: PASSED if verdict.passed else REJECTED,
        REASONS_TAG: "; ".join(verdict.reasons),
        COMPARED_WITH_TAG: verdict.champion_version or "",
    }
