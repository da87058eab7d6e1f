"""Bringing a version into service, as promotion sees it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["NoRollout", "Rollout"]


class Rollout(Protocol):
    """What serves a model, and can be asked to serve another."""

    def serve(self, number: str) -> bool:
        """Start serving a version; True when it is up everywhere, False when it did not come up in time."""
        ...

    def go_back(self) -> None:
        """Serve again what was served before ``serve``."""
        ...


class NoRollout:
    """Nothing is told: an API started by hand takes the champion when it starts."""

    def serve(self, number: str) -> bool:  # noqa: ARG002 (the protocol's name)
        """Agree."""
        return True

    def go_back(self) -> None:
        """Nothing was changed."""
