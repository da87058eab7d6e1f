"""The interface that promotion uses to roll out a version."""

from __future__ import annotations

from typing import Protocol

from pipelines.config.settings import Settings
from pipelines.promotion.lock import PromotionLock

__all__ = ["NoRollout", "Rollout", "rollout_of"]


class Rollout(Protocol):
    """Rolls out versions to whatever serves them."""

    def serve(self, number: str) -> bool:
        """Roll out a version; return True when every pod serves it, False if that fails.

        Raises:
            RegistryFailure: another run rolled out another version meanwhile.
            RolloutFailed: no pod runs that could prove that it can be served.
            Unreachable: the Kubernetes API did not answer.
            PromotionLocked: the promotion lock was lost.
        """
        ...

    def go_back(self, number: str | None) -> None:
        """Roll back to the champion: its number, or None if there has never been one."""
        ...


class NoRollout:
    """No rollout: an API that is started by hand loads the champion at start."""

    def serve(self, number: str) -> bool:  # noqa: ARG002 (the protocol's name)
        """Return True."""
        return True

    def go_back(self, number: str | None) -> None:
        """Do nothing."""


def rollout_of(settings: Settings, lock: PromotionLock) -> Rollout:
    """Return the rollout for PIPELINE_ROLLOUT; it writes only while the lock is held."""
    if settings.rollout == "none":
        return NoRollout()
    from pipelines.promotion.kubernetes_rollout import KubernetesRollout

    return KubernetesRollout.connect(settings, lock)
