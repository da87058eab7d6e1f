"""Which certificates of servers are trusted."""

from __future__ import annotations

import ssl
from pathlib import Path

from espalier.client.errors import InvalidInput

__all__ = ["Ca", "tls_context", "trust"]

Ca = str | Path | ssl.SSLContext | None
"""A PEM file with the certificate authority of the API, a context with more settings, or None: those of the system."""


def tls_context(ca: Ca) -> ssl.SSLContext:
    """Return the context of connections.

    Raises:
        InvalidInput: the file is missing, or has no certificate.
    """
    if isinstance(ca, ssl.SSLContext):
        return ca
    return trust() if ca is None else trust(Path(ca))


def trust(*authorities: Path) -> ssl.SSLContext:
    """Return a context that trusts these authorities, or those of the system if none are given.

    Raises:
        InvalidInput: a file is missing, or has no certificate.
    """
    context: ssl.SSLContext | None = None
    for ca in authorities:
        try:
            if context is None:
                context = ssl.create_default_context(cafile=ca)
            else:
                context.load_verify_locations(cafile=ca)
        except FileNotFoundError as error:
            advice = "name the certificate authority of the API with ca=FILE, or with --cacert FILE"
            raise InvalidInput(f"{ca} not found; {advice}") from error
        except OSError as error:  # ssl.SSLError is one
            raise InvalidInput(f"{ca} has no certificate authority in PEM: {error}") from error
    return context or ssl.create_default_context()
