"""Find the registered version of a run's work, and clean up incomplete ones.

A version is judged against one champion, which its signed manifest names. The same work is therefore registered once
per champion that it was compared with, and a registered version never changes. The order of writes matters: MLflow
assigns the number, the manifest with this number is signed, the files are uploaded, and then the version is marked
complete. If a run is killed in between, the next run of the same work completes the same version.
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
"""Age at which an incomplete version of other work counts as abandoned."""

MAX_DELETED = 20
"""Maximum number of incomplete versions that one run deletes."""

log = logging.getLogger("espalier.pipelines.registration")


def find_version(versions: Sequence[Version], *, key: str, champion: str | None) -> Version | None:
    """Return the version of the work ``key``, or None if it must be judged (again).

    The champion and former champions need no new verdict. Any other version is valid only while the champion is the one
    that it was compared with.

    Args:
        versions: every version of the model, newest first.
        champion: number of the present champion.
    """
    own = [version for version in versions if version.tags.get(KEY_TAG) == key]
    return (
        next((version for version in own if version.number == champion), None)
        or next((version for version in own if version.tags.get(ROLLOUT_TAG) == COMPLETE), None)
        or next((version for version in own if version.tags.get(COMPARED_WITH_TAG) == (champion or "")), None)
    )


def is_current(versions: Sequence[Version], number: str, *, champion: str | None) -> bool:
    """Tell whether the verdict of a registered version is still valid with the present champion.

    Args:
        versions: as for ``find_version``.
        number: of the version; an unknown version counts as valid.
    """
    version = next((version for version in versions if version.number == number), None)
    if version is None:
        return True
    valid = find_version(versions, key=version.tags.get(KEY_TAG, ""), champion=champion)
    return valid is not None and valid.number == number


def settle_others(registry: Registry, version: Version) -> None:
    """Tag earlier versions of the same work as superseded, and delete abandoned incomplete versions."""
    registry.untag_version(version, SUPERSEDED_TAG)  # if an earlier champion is back, this verdict is valid again
    others = [other for other in registry.versions(version.name) if other.number != version.number]
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
    except (PipelineError, BundleError) as error:  # the next run tries again
        log.warning("could not delete %s: %s", version.identity, error)


def read_verdict(registry: Registry, version: Version, folder: Path) -> GateVerdict:
    """Return the verdict of the gate on a version, from the manifest in its bundle.

    Args:
        folder: an empty folder for the download.

    Raises:
        MalformedBundle: another release wrote it.
    """
    registry.download_bundle(version, folder, (MANIFEST,))
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes()).verdict
    except ValidationError as error:
        raise MalformedBundle(
            f"the {MANIFEST} of {version.identity} does not have the format of this release"
        ) from error


def stated(verdict: Verdict) -> GateVerdict:
    """Return the verdict in the form of the manifest."""
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
    """Return the MLflow tags that repeat the verdict of the manifest."""
    return {
        KEY_TAG: key,
        GATE_TAG: PASSED if verdict.passed else REJECTED,
        REASONS_TAG: "; ".join(verdict.reasons),
        COMPARED_WITH_TAG: verdict.champion_version or "",
    }
