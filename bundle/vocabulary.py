"""What training writes into the registry and into the cluster, and the API and the commands read: one name for each."""

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
"""Alias of a version that has passed the gate and whose rollout has not ended."""

PREVIOUS = "previous"
"""Alias of the champion before: where a rollback leads."""

ALIASES = (CHAMPION, CHALLENGER, PREVIOUS)

GATE_TAG, PASSED, REJECTED = "gate", "passed", "rejected"
"""Tag of a version: what the gate decided."""

REASONS_TAG = "gate.reasons"
"""Tag of a version: why the gate rejected it."""

COMPARED_WITH_TAG = "gate.compared_with"
"""Tag of a version: the champion that it was compared with; empty where there was none."""

ROLLOUT_TAG, FAILED = "rollout", "failed"
"""Tag of a version: whether its rollout is COMPLETE or FAILED."""

BUNDLE_TAG, UPLOADING, COMPLETE = "bundle", "uploading", "complete"
"""Tag of a version: whether its files are all there. While they are UPLOADING nothing is decided of it for good."""

SUPERSEDED_TAG = "superseded_by"
"""Tag of a version: the number of the one that answers for the same work now."""

VERSION_ANNOTATION = "espalier.dev/model-version"
"""Annotation of the pod template of the API's Deployment: the version that its pods serve."""
