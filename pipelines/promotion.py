"""Move the aliases so that at every moment, and after being killed at any moment, they tell the truth.

``champion`` is what production serves, ``challenger`` what is being rolled out, ``previous`` where rollback goes.
The order of writes is the point: ``champion`` moves last of all that matter, and only once its version serves.
"""

from __future__ import annotations

from pipelines.errors import PipelineError, RegistryFailure, RolloutFailed
from pipelines.registry import Registry, Version
from pipelines.rollout import Rollout

__all__ = ["CHALLENGER", "CHAMPION", "PREVIOUS", "promote", "roll_back"]

CHAMPION = "champion"
CHALLENGER = "challenger"
PREVIOUS = "previous"


def promote(registry: Registry, rollout: Rollout, version: Version, *, expected_champion: str | None) -> None:
    """Make ``version`` the champion, once it serves.

    Args:
        expected_champion: the champion that the decision was made against. Where another one has come since, the
            decision is void.

    Raises:
        RolloutFailed: it did not come up; the aliases stand as before and the version is tagged ``rollout=failed``.
        RegistryFailure: the champion changed meanwhile, or the version did not pass the gate.
    """
    name, number = version.name, version.number
    champion = registry.version_of(name, CHAMPION)
    if champion == number:
        registry.remove_alias(name, CHALLENGER)  # an earlier try was killed between its last two writes
        registry.tag_version(version, {"rollout": "complete"})
        return
    if version.tags.get("gate") != "passed":
        raise RegistryFailure(f"{name} version {number} did not pass the gate, is not signed, and would not be served")
    _expect(registry, version, expected_champion)
    registry.set_alias(name, CHALLENGER, number)
    try:
        if not rollout.serve(number):
            rollout.go_back(champion)
            registry.tag_version(version, {"rollout": "failed"})
            raise RolloutFailed(f"{name} version {number} did not come up in time; {_told(champion)} serves on")
        _expect(registry, version, expected_champion)  # it may have taken minutes
    except PipelineError:
        if registry.version_of(name, CHALLENGER) == number:  # not another run's
            registry.remove_alias(name, CHALLENGER)
        raise
    if champion is not None:
        registry.set_alias(name, PREVIOUS, champion)
    registry.set_alias(name, CHAMPION, number)
    registry.remove_alias(name, CHALLENGER)
    registry.tag_version(version, {"rollout": "complete"})


def _expect(registry: Registry, version: Version, expected: str | None) -> None:
    champion = registry.version_of(version.name, CHAMPION)
    if champion != expected:
        raise RegistryFailure(
            f"the champion of {version.name} is now version {champion}, but version {version.number} was compared with "
            f"{expected}; train again to compare with the new one"
        )


def _told(champion: str | None) -> str:
    return "nothing" if champion is None else f"version {champion}"


def roll_back(registry: Registry, rollout: Rollout, name: str) -> Version:
    """Make ``previous`` the champion again, and return it; a rollback that was killed is finished, not turned round.

    Raises:
        RegistryFailure: there is no previous version.
        RolloutFailed: as in ``promote``.
    """
    champion, challenger = registry.version_of(name, CHAMPION), registry.version_of(name, CHALLENGER)
    previous = registry.version_of(name, PREVIOUS)
    if challenger is not None and champion in (challenger, previous):  # killed before or after its last write but one
        previous = challenger
    if previous is None:
        raise RegistryFailure(f"{name} has no previous version to go back to; list them with: espalier models")
    version = registry.version(name, previous)
    promote(registry, rollout, version, expected_champion=champion)
    return version
