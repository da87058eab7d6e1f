"""The client of the API, and the command ``espalier``: the platform on one machine, on a cluster, and under load.

``from espalier import Client`` imports the client only then, so that the command starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espalier.client import ApiProblem, AsyncClient, Client, ClientError

__all__ = ["ApiProblem", "AsyncClient", "Client", "ClientError"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from espalier import client

    return getattr(client, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
