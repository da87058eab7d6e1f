"""Move the aliases so that they are correct at every moment, even if the run is killed.

``champion`` is the version in production, ``challenger`` the one being rolled out, ``previous`` the target of a
rollback. The order of writes matters: ``champion`` moves last, once its version serves. The lock of lock.py is held
throughout, so a ``challenger`` that exists at the start was left by a killed run.
"""

from __future__ import annotations

from bundle.vocabulary import CHALLENGER, CHAMPION, COMPLETE, FAILED, GATE_TAG, PASSED, PREVIOUS, ROLLOUT_TAG
from pipelines.console import console
from pipelines.errors import PipelineError, PromotionLocked, RegistryFailure, RolloutFailed
from pipelines.promotion.lock import PromotionLock
from pipelines.promotion.rollout import Rollout
from pipelines.registry.versions import Registry, Version

__all__ = ["clear_unfinished", "promote", "roll_back"]


def promote(
    registry: Registry, rollout: Rollout, version: Version, *, expected_champion: str | None, lock: PromotionLock
) -> None:
    """Make ``version`` the champion, once it serves.

    Args:
        expected_champion: the champion that the version was compared with. If it has changed, the verdict is void.
        lock: held; checked before every write.

    Raises:
        RolloutFailed: the rollout failed; the aliases are unchanged, and the version is tagged ``rollout=failed``.
        RegistryFailure: the champion has changed, or the version did not pass the gate.
        PromotionLocked: the lock was lost; the next run finishes or reverts the promotion.
    """
    name, number = version.name, version.number
    champion = registry.version_of(name, CHAMPION)
    if champion == number:
        _finish(registry, version, lock)  # an earlier run was killed between its last writes
        return
    if version.tags.get(GATE_TAG) != PASSED:
        raise RegistryFailure(
            f"{name} version {number} did not pass the gate and is not signed; the API would reject it"
        )
    _expect(registry, version, expected_champion)
    lock.check()
    registry.set_alias(name, CHALLENGER, number)
    try:
        _roll_out(registry, rollout, version, expected_champion)
    except PromotionLocked:  # without the lock, nothing may be written
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        _revert(registry, rollout, version, lock, error)
        raise
    if champion is not None:
        lock.check()
        registry.set_alias(name, PREVIOUS, champion)
    lock.check()
    registry.set_alias(name, CHAMPION, number)
    _finish(registry, version, lock)


def _roll_out(registry: Registry, rollout: Rollout, version: Version, expected_champion: str | None) -> None:
    if not rollout.serve(version.number):
        raise RolloutFailed(
            f"the rollout of {version.name} version {version.number} failed; {_serving(expected_champion)}"
        )
    _expect(registry, version, expected_champion)  # the rollout may have taken minutes


def _finish(registry: Registry, version: Version, lock: PromotionLock) -> None:
    lock.check()
    registry.remove_alias(version.name, CHALLENGER)
    registry.tag_version(version, {ROLLOUT_TAG: COMPLETE})


def _revert(registry: Registry, rollout: Rollout, version: Version, lock: PromotionLock, reason: BaseException) -> None:
    """Set annotation and aliases back to the present champion. If that fails, ``challenger`` stays, so that the next
    run knows that the promotion is unfinished; the original error is raised, not this one."""
    name = version.name
    try:
        lock.check()
        if registry.version_of(name, CHALLENGER) != version.number:  # another run owns it now, and the annotation
            return
        rollout.go_back(registry.version_of(name, CHAMPION))
        lock.check()
        if isinstance(reason, RolloutFailed):
            registry.tag_version(version, {ROLLOUT_TAG: FAILED})
        registry.remove_alias(name, CHALLENGER)
    except PipelineError as error:
        console.print(f"could not revert version {version.number}; the next run will: {error}", soft_wrap=True)


def _expect(registry: Registry, version: Version, expected: str | None) -> None:
    champion = registry.version_of(version.name, CHAMPION)
    if champion != expected:
        raise RegistryFailure(
            f"the champion of {version.name} is now version {champion}, but version {version.number} was compared with "
            f"version {expected}; train again to compare it with the new champion"
        )


def _serving(champion: str | None) -> str:
    return "no version is serving" if champion is None else f"version {champion} keeps serving"


def clear_unfinished(
    registry: Registry, rollout: Rollout, name: str, *, lock: PromotionLock, own: str | None = None
) -> None:
    """Finish or revert the promotion of a run that was killed during its rollout.

    Args:
        own: the version that the caller is about to promote; its unfinished promotion is not reverted.
    """
    champion, challenger = registry.version_of(name, CHAMPION), registry.version_of(name, CHALLENGER)
    if challenger is None or challenger == own:
        return
    if champion is not None and champion in (challenger, registry.version_of(name, PREVIOUS)):
        # Its rollout was complete: the run was killed just before or after the second to last write.
        console.print(f"finishing the promotion of version {challenger}: its run was killed")
        promote(registry, rollout, registry.version(name, challenger), expected_champion=champion, lock=lock)
        return
    console.print(f"reverting the rollout of version {challenger}: its run was killed")
    rollout.go_back(champion)
    lock.check()
    registry.remove_alias(name, CHALLENGER)


def roll_back(registry: Registry, rollout: Rollout, name: str, *, lock: PromotionLock) -> Version:
    """Make ``previous`` the champion again, and return it; a killed rollback is finished, not reversed.

    Raises:
        RegistryFailure: there is no previous version.
        RolloutFailed: as in ``promote``.
    """
    champion, challenger = registry.version_of(name, CHAMPION), registry.version_of(name, CHALLENGER)
    previous = registry.version_of(name, PREVIOUS)
    # Killed just before or after the second to last write.
    if challenger is not None and champion in (challenger, previous):
        previous = challenger
    if previous is None:
        raise RegistryFailure(f"{name} has no previous version to roll back to; list versions with: espalier models")
    version = registry.version(name, previous)
    promote(registry, rollout, version, expected_champion=champion, lock=lock)
    return version
