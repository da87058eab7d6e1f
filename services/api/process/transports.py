"""Writing to a client that has left."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

__all__ = ["DroppingTransport"]


class DroppingTransport:
    """A transport that drops what is written after the client has reset the connection.

    uvloop closes the transport at once, and tells the protocol in the next turn of the event loop. A response that is
    written between the two raises RuntimeError, which would be logged as an error of the application.
    """

    def __init__(self, transport: Any) -> None:
        """Write to this transport."""
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Write, unless the transport is closed."""
        with suppress(RuntimeError):
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        """Return everything else of the transport."""
        return getattr(self._transport, name)
