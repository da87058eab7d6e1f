"""What a registered version is: its data, parameters, scores, importance of features, and the gate's verdict.

All of it is from the bundle, after its signature and identity are verified, except for what is marked as not signed:
the parameters of its MLflow run and the tags with the numbers of the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bundle import Bundle, HashSplit, UnsignedBundle
from bundle.vocabulary import GATE_TAG, PASSED
from pipelines.config.settings import Settings
from pipelines.registry.champion import read_version
from pipelines.registry.versions import Registry, Version

__all__ = ["Description", "check_signed", "describe"]

EVIDENCE = "gate."
"""Beginning of the tags with the numbers of the comparison."""


@dataclass(frozen=True)
class Description:
    """A version whose bundle is verified."""

    version: Version
    bundle: Bundle
    params: Mapping[str, str]
    """Those of its MLflow run, which are not signed; none if the run was deleted."""

    @property
    def identity(self) -> dict[str, Any]:
        """What it is, and which code made it."""
        lineage = self.bundle.manifest.lineage
        return {
            "target": self.bundle.contract.target.type,
            "features": len(self.bundle.contract.features),
            "git_commit": lineage.git_commit,
            "created": lineage.created.isoformat(),
            "run_id": lineage.run_id,
            "params_sha256": lineage.params_sha256,
            **{f"library {name}": number for name, number in sorted(lineage.libraries.items())},
        }

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 of every file of the bundle that the manifest lists."""
        return {name: entry.sha256 for name, entry in sorted(self.bundle.manifest.files.items())}

    @property
    def data(self) -> dict[str, Any]:
        """The table by its pointer, and which rows of it trained and tested the model."""
        lineage, metrics = self.bundle.manifest.lineage, self.bundle.metrics
        span = (lineage.data_from, lineage.data_until)
        return {
            "md5": lineage.data_md5,
            "sha256": lineage.data_sha256,
            "trained_rows": lineage.trained_rows,
            "trained_from": None if span[0] is None else span[0].isoformat(),
            "trained_until": None if span[1] is None else span[1].isoformat(),
            "test_rows": metrics.test.rows,
            "split": _split(lineage.split),
            "final_fit": metrics.final_fit,
        }

    @property
    def metrics(self) -> dict[str, float]:
        """The test scores that are single numbers."""
        return self.bundle.metrics.test.figures

    @property
    def slices(self) -> dict[str, dict[str, float]]:
        """The same of every slice."""
        return {f"{one.column} {one.value}": one.scores.figures for one in self.bundle.metrics.slices}

    @property
    def importance(self) -> dict[str, float]:
        """Mean absolute contribution of every feature, the largest first; empty for older bundles."""
        found = self.bundle.reference.contributions or {}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @property
    def gate(self) -> dict[str, Any]:
        """The signed verdict, and the numbers of the comparison from the tags, which are not signed."""
        tags = {name: value for name, value in sorted(self.version.tags.items()) if name.startswith(EVIDENCE) and value}
        return {**self.bundle.manifest.verdict.model_dump(mode="json"), "evidence": tags}

    def as_json(self) -> dict[str, Any]:
        """Return all of it for programs."""
        return {
            "identity": self.identity,
            "files": self.files,
            "data": self.data,
            "params": dict(sorted(self.params.items())),
            "metrics": self.metrics,
            "slices": self.slices,
            "importance": self.importance,
            "gate": self.gate,
        }


def describe(registry: Registry, settings: Settings, version: Version) -> Description:
    """Download the bundle of a version, verify it, and read the parameters of the run that it names.

    Raises:
        UnsignedBundle: the version has not passed the gate, or its files are incomplete.
        BundleError: the bundle is not valid.
    """
    check_signed(version)
    bundle = read_version(registry, settings, version)
    return Description(version, bundle, registry.run_params(bundle.manifest.lineage.run_id))


def check_signed(version: Version) -> None:
    """Refuse a version without a signed bundle, before anything is downloaded.

    Raises:
        UnsignedBundle: the text says why there is none.
    """
    if version.is_uploading:
        raise UnsignedBundle(f"{version.identity} is incomplete: its run was killed, or is uploading it now")
    if version.tags.get(GATE_TAG) != PASSED:
        raise UnsignedBundle(
            f"{version.identity} was rejected by the gate, so its bundle is not signed and nothing in it can be "
            f"trusted; its reasons: espalier models show {version.number}"
        )


def _split(split: HashSplit | None) -> str:
    if split is None:
        return "by time"
    return f"by hash of {', '.join(split.columns)} (seed {split.seed})"
