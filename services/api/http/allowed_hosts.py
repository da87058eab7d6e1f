"""Which host names the API serves."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["AllowedHosts"]


class AllowedHosts:
    """The allowed names, without ports; ``*`` allows all."""

    def __init__(self, names: Iterable[str]) -> None:
        """Store the names."""
        self._names = frozenset(name.lower() for name in names)

    def allow(self, header: str) -> bool:
        """Return whether a Host header has an allowed name."""
        host = header.lower()
        name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
        return "*" in self._names or name in self._names
