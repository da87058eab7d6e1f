"""A certificate for localhost, from an authority that is used only once: its key is not stored."""

from __future__ import annotations

import os
from pathlib import Path

from espalier.certificates import issue_certificate

__all__ = ["HOST_NAMES", "write_certificates"]

HOST_NAMES = ("localhost", "127.0.0.1", "::1")


def write_certificates(*, ca: Path, certificate: Path, key: Path) -> None:
    """Write the certificate of the authority, the chain of the server, and the key of the server (mode 0600)."""
    issued = issue_certificate(*HOST_NAMES, organization="Espalier on this machine")
    certificate.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(issued.key)
    certificate.write_bytes(issued.chain)
    ca.write_bytes(issued.authority)
