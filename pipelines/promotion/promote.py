"""Move the aliases so that at every moment, and after being killed at any moment, they tell the truth.

``champion`` is what production serves, ``challenger`` what is being rolled out, ``previous`` where rollback goes.
The order of writes is the point: ``champion`` moves last of all that matter, and only once its version serves. All of
it happens under the lock of lock.py, so a ``challenger`` that is there at the beginning is what a killed run
has left.
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
        expected_champion: the champion that the decision was made against. Where another one has come since, the
            decision is void.
        lock: held; asked before every write.

    Raises:
        RolloutFailed: it did not come up; the aliases stand as before and the version is tagged ``rollout=failed``.
        RegistryFailure: the champion changed meanwhile, or the version did not pass the gate.
        PromotionLocked: the lock was lost; the next run finishes or takes back what is begun.
    """
    name, number = version.name, version.number
    champion = registry.version_of(name, CHAMPION)
    if champion == number:
        _finish(registry, version, lock)  # an earlier try was killed between its last writes
        return
    if version.tags.get(GATE_TAG) != PASSED:
        raise RegistryFailure(f"{name} version {number} did not pass the gate, is not signed, and would not be served")
    _expect(registry, version, expected_champion)
    lock.check()
    registry.set_alias(name, CHALLENGER, number)
    try:
        _bring_in(registry, rollout, version, expected_champion)
    except PromotionLocked:  # nothing may be written any more
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        _take_back(registry, rollout, version, lock, error)
        raise
    if champion is not None:
        lock.check()
        registry.set_alias(name, PREVIOUS, champion)
    lock.check()
    registry.set_alias(name, CHAMPION, number)
    _finish(registry, version, lock)


def _bring_in(registry: Registry, rollout: Rollout, version: Version, expected_champion: str | None) -> None:
    if not rollout.serve(version.number):
        raise RolloutFailed(
            f"{version.name} version {version.number} did not come up in time; {_told(expected_champion)} serves on"
        )
    _expect(registry, version, expected_champion)  # it may have taken minutes


def _finish(registry: Registry, version: Version, lock: PromotionLock) -> None:
    lock.check()
    registry.remove_alias(version.name, CHALLENGER)
    registry.tag_version(version, {ROLLOUT_TAG: COMPLETE})


def _take_back(
    registry: Registry, rollout: Rollout, version: Version, lock: PromotionLock, reason: BaseException
) -> None:
    """Bring annotation and aliases back to the champion of now. Where that fails, ``challenger`` stays as the mark by
    which the next run knows that something is unfinished, and the reason is not hidden by what follows from it."""
    name = version.name
    try:
        lock.check()
        if registry.version_of(name, CHALLENGER) != version.number:  # somebody else's now, and so is the annotation
            return
        rollout.go_back(registry.version_of(name, CHAMPION))
        lock.check()
        if isinstance(reason, RolloutFailed):
            registry.tag_version(version, {ROLLOUT_TAG: FAILED})
        registry.remove_alias(name, CHALLENGER)
    except PipelineError as error:
        console.print(f"version {version.number} could not be taken back, the next run will: {error}", soft_wrap=True)


def _expect(registry: Registry, version: Version, expected: str | None) -> None:
    champion = registry.version_of(version.name, CHAMPION)
    if champion != expected:
        raise RegistryFailure(
            f"the champion of {version.name} is now version {champion}, but version {version.number} was compared with "
            f"{expected}; train again to compare with the new one"
        )


def _told(champion: str | None) -> str:
    return "nothing" if champion is None else f"version {champion}"


def clear_unfinished(
    registry: Registry, rollout: Rollout, name: str, *, lock: PromotionLock, own: str | None = None
) -> None:
    """Finish or take back what a run that was killed in its rollout has left, so that the next starts clean.

    Args:
        own: the version that the caller is about to promote; its own earlier try is not taken back.
    """
    champion, challenger = registry.version_of(name, CHAMPION), registry.version_of(name, CHALLENGER)
    if challenger is None or challenger == own:
        return
    if champion is not None and champion in (challenger, registry.version_of(name, PREVIOUS)):
        # It was up everywhere: killed before or after its last write but one.
        console.print(f"finishing the promotion of version {challenger}, whose run was killed")
        promote(registry, rollout, registry.version(name, challenger), expected_champion=champion, lock=lock)
        return
    console.print(f"taking back version {challenger}, whose run was killed in its rollout")
    rollout.go_back(champion)
    lock.check()
    registry.remove_alias(name, CHALLENGER)


def roll_back(registry: Registry, rollout: Rollout, name: str, *, lock: PromotionLock) -> Version:
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
    promote(registry, rollout, version, expected_champion=champion, lock=lock)
    return version
