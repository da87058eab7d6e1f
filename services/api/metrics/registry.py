"""The state of a model in the registry, as the gauges that alerts need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from bundle.vocabulary import ALIASES, BUNDLE_TAG, FAILED, GATE_TAG, PASSED, REJECTED, ROLLOUT_TAG, UPLOADING
from services.api.model.mlflow_registry import RegisteredVersion

__all__ = ["RegistryState"]

GATES = (PASSED, REJECTED)


@dataclass(frozen=True)
class RegistryState:
    """The registered versions of one model."""

    aliases: Mapping[str, str]
    versions: Sequence[RegisteredVersion]
    """Newest first."""

    def gauges(self) -> Iterator[Metric]:
        """Yield the gauges."""
        alias = _family("alias_version", "Number of the version that an alias points to; 0 for none.", "alias")
        complete = self._complete()
        for name in ALIASES:
            alias.add_metric([name], int(self.aliases.get(name, 0)))
        versions = _family("versions", "Registered versions, by the verdict of the gate.", "gate")
        for gate in GATES:
            versions.add_metric([gate], sum(version.tags.get(GATE_TAG) == gate for version in complete))
        newest = _family("newest_version", "Number of the newest version with this verdict; 0 for none.", "gate")
        for gate in GATES:
            newest.add_metric([gate], _newest(complete, gate))
        rejected = _family("consecutive_rejections", "Versions rejected since the last one that passed.")
        rejected.add_metric([], _consecutive_rejections(complete))
        failed = _family("failed_rollouts", "Versions that passed the gate and whose rollout failed.")
        failed.add_metric([], sum(version.tags.get(ROLLOUT_TAG) == FAILED for version in complete))
        yield from (alias, versions, newest, rejected, failed)
        if complete:
            created = _family("newest_version_timestamp_seconds", "Time when the newest version was registered.")
            created.add_metric([], complete[0].created)
            yield created

    def _complete(self) -> list[RegisteredVersion]:
        return [version for version in self.versions if version.tags.get(BUNDLE_TAG) != UPLOADING]


def _newest(versions: Sequence[RegisteredVersion], gate: str) -> int:
    return next((int(version.number) for version in versions if version.tags.get(GATE_TAG) == gate), 0)


def _consecutive_rejections(versions: Sequence[RegisteredVersion]) -> int:
    gates = [version.tags[GATE_TAG] for version in versions if version.tags.get(GATE_TAG) in GATES]
    return gates.index(PASSED) if PASSED in gates else len(gates)


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"espalier_registry_{name}", text, labels=labels)
