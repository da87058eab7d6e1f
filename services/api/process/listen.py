"""Where the API listens, and with which certificate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["ListenAddress"]


@dataclass(frozen=True)
class ListenAddress:
    """Address and port; with a certificate and its key the API terminates TLS itself."""

    host: str
    port: int
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def bind(self) -> str:
        """The address in gunicorn's format."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
