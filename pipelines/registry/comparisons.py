"""Count how often a champion was compared with, by tags that the versions keep.

Each version that was compared states the number of its comparison, and the champion states the largest: so the count
does not fall if versions are deleted. The same work compared with the same champion again, after a run was killed,
keeps its number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bundle.vocabulary import COMPARED_WITH_TAG
from pipelines.gate.checks import Verdict
from pipelines.registry.versions import KEY_TAG, Registry, Version

__all__ = ["COMPARISONS_TAG", "COMPARISON_TAG", "VERDICT_TAG", "evidence_tags", "next_comparison", "record_comparison"]

VERDICT_TAG = "gate.verdict"
"""Tag of a version: what the comparison with the champion has shown."""

COMPARISON_TAG = "gate.comparison"
"""Tag of a version: the number of its comparison among all with its champion."""

COMPARISONS_TAG = "gate.comparisons"
"""Tag of a champion: how many comparisons with it there were."""


def next_comparison(versions: Sequence[Version], *, key: str, champion: str) -> int:
    """Return the number of a comparison of the work ``key`` with a champion, from 1.

    Args:
        versions: every version of the model.
    """
    compared = [version for version in versions if _number(version, COMPARISON_TAG) and _with(version) == champion]
    own = [_number(version, COMPARISON_TAG) for version in compared if version.tags.get(KEY_TAG) == key]
    if own:
        return min(own)
    counted = [_number(version, COMPARISONS_TAG) for version in versions if version.number == champion]
    return 1 + max([len(compared), *counted, *(_number(version, COMPARISON_TAG) for version in compared)])


def evidence_tags(verdict: Verdict) -> Mapping[str, str]:
    """Return the MLflow tags with the kind of the verdict and its numbers."""
    found = verdict.evidence
    if found is None:
        return {VERDICT_TAG: verdict.kind}
    return {
        VERDICT_TAG: verdict.kind,
        COMPARISON_TAG: str(found.comparison),
        "gate.gain": f"{found.gain:.6f}",
        "gate.gain_from": f"{found.lower:.6f}",
        "gate.gain_to": f"{found.upper:.6f}",
        "gate.rows": str(found.rows),
        "gate.rows_to_decide": "" if found.rows_to_decide is None else str(found.rows_to_decide),
    }


def record_comparison(registry: Registry, version: Version) -> None:
    """Write the number of a version's comparison to the champion that it was compared with, if it is the largest."""
    number, versions = _number(version, COMPARISON_TAG), registry.versions(version.name)
    champion = next((other for other in versions if other.number == _with(version)), None)
    if champion is not None and number > _number(champion, COMPARISONS_TAG):
        registry.tag_version(champion, {COMPARISONS_TAG: str(number)})


def _with(version: Version) -> str:
    return version.tags.get(COMPARED_WITH_TAG, "")


def _number(version: Version, tag: str) -> int:
    text = version.tags.get(tag, "")
    return int(text) if text.isascii() and text.isdigit() else 0
