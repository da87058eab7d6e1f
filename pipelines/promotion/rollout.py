"""Bringing a version into service, as promotion sees it."""

from __future__ import annotations

from typing import Protocol

from pipelines.config.settings import Settings
from pipelines.promotion.lock import PromotionLock

__all__ = ["NoRollout", "Rollout", "rollout_of"]


class Rollout(Protocol):
    """What serves a model, and can be asked to serve another."""

    def serve(self, number: str) -> bool:
        """Start serving a version; True when it is up everywhere, False when it did not come up in time.

        Raises:
            RegistryFailure: somebody brought in another version meanwhile.
            RolloutFailed: nothing runs that could prove that it can be served.
            Unreachable: whoever brings it in did not answer.
            PromotionLocked: the lock on promotions was lost.
        """
        ...

    def go_back(self, number: str | None) -> None:
        """Serve the champion again: its number, or None where there has never been one."""
        ...


class NoRollout:
    """Nothing is told: an API started by hand takes the champion when it starts."""

    def serve(self, number: str) -> bool:  # noqa: ARG002 (the protocol's name)
        """Agree."""
        return True

    def go_back(self, number: str | None) -> None:
        """Nothing was changed."""


def rollout_of(settings: Settings, lock: PromotionLock) -> Rollout:
    """Return the rollout that PIPELINE_ROLLOUT names; it writes only while the lock is held."""
    if settings.rollout == "none":
        return NoRollout()
    from pipelines.promotion.kubernetes_rollout import KubernetesRollout

    return KubernetesRollout.connect(settings, lock)
