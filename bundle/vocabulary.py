"""Names of the aliases, tags and annotations that training writes and that the API and the commands read."""

__all__ = [
    "ALIASES",
    "BUNDLE_TAG",
    "CHALLENGER",
    "CHAMPION",
    "COMPARED_WITH_TAG",
    "COMPLETE",
    "FAILED",
    "GATE_TAG",
    "PASSED",
    "PREVIOUS",
    "REASONS_TAG",
    "REJECTED",
    "ROLLOUT_TAG",
    "SUPERSEDED_TAG",
    "UPLOADING",
    "VERSION_ANNOTATION",
]

CHAMPION = "champion"
"""Alias of the version that is served."""

CHALLENGER = "challenger"
"""Alias of a version that has passed the gate and is being rolled out."""

PREVIOUS = "previous"
"""Alias of the previous champion, which a rollback restores."""

ALIASES = (CHAMPION, CHALLENGER, PREVIOUS)

GATE_TAG, PASSED, REJECTED = "gate", "passed", "rejected"
"""Tag of a version: the decision of the gate."""

REASONS_TAG = "gate.reasons"
"""Tag of a version: why the gate rejected it."""

COMPARED_WITH_TAG = "gate.compared_with"
"""Tag of a version: the champion that it was compared with; empty if there was none."""

ROLLOUT_TAG, FAILED = "rollout", "failed"
"""Tag of a version: whether its rollout is COMPLETE or FAILED."""

BUNDLE_TAG, UPLOADING, COMPLETE = "bundle", "uploading", "complete"
"""Tag of a version: whether all its files are uploaded. While UPLOADING, no decision on it is final."""

SUPERSEDED_TAG = "superseded_by"
"""Tag of a version: the number of the version that replaced it for the same training run."""

VERSION_ANNOTATION = "espalier.dev/model-version"
"""Annotation of the pod template of the API's Deployment: the version that its pods serve."""
