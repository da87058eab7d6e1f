"""The address of the client behind trusted proxies, as uvicorn determines it for every other request."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

__all__ = ["ForwardedAddress"]


class ForwardedAddress:
    """Reads X-Forwarded-For if the peer is trusted. The ingress sends the same few values again and again."""

    def __init__(self, trusted: str) -> None:
        """Store the addresses and networks of the proxies, separated by commas."""
        app: Any = None
        hosts: Any = ProxyHeadersMiddleware(app, trusted).trusted_hosts

        @lru_cache(maxsize=1024)
        def find(peer: str, header: bytes) -> str:
            if peer not in hosts:
                return peer
            return hosts.get_trusted_client_address(header.decode("latin1"))[0] or peer

        self._find = find

    def of(self, peer: str, header: bytes | None) -> str:
        """Return the client's address; ``header`` is X-Forwarded-For."""
        return peer if header is None else self._find(peer, header)
