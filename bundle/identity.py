"""Identity of a bundle (model and version), and checks of names from outside that become part of a path.

A registry, another pod or a client may be faulty or hostile. The names they send are checked here before they are used
in a file name, folder or address.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from bundle.errors import UnsafeName
from bundle.target import FrozenModel

__all__ = ["PROXY_SCHEME", "Identity", "ModelName", "VersionNumber", "artifact_folder", "check_version"]

ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A registered name: one path component, never hidden and never ``..``."""

VersionNumber = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,9}$")]
"""A version number of MLflow: from 1, at most ten digits."""

PROXY_SCHEME = "mlflow-artifacts"
"""Scheme of files that MLflow itself serves."""

_VERSION = re.compile(r"[1-9][0-9]{0,9}")
MAX_VERSION = 10**10
_MAX_PATH = 1000
_SHOWN = 60


class Identity(FrozenModel):
    """A registered version."""

    name: ModelName
    version: VersionNumber

    def __str__(self) -> str:
        """Return the text for messages."""
        return f"{self.name} version {self.version}"


def check_version(number: object) -> str:
    """Return a valid version number as text.

    Raises:
        UnsafeName: not one to ten digits, or the first digit is 0.
    """
    text = str(number) if isinstance(number, str) or (type(number) is int and 0 < number < MAX_VERSION) else ""
    if not _VERSION.fullmatch(text):
        raise UnsafeName(f"{_shown(number)} is not a version number")
    return text


def artifact_folder(uri: object) -> str:
    """Return the path of ``mlflow-artifacts:/path`` below MLflow's artifact proxy, relative and without ``..``.

    Raises:
        UnsafeName: another scheme, or a path that is empty, contains ``..`` or has unprintable characters.
    """
    parts = urlsplit(uri if isinstance(uri, str) else "")
    path = parts.path.strip("/")
    is_plain = path.isprintable() and "\\" not in path and len(path) <= _MAX_PATH
    if parts.scheme != PROXY_SCHEME or not is_plain or any(part in ("", ".", "..") for part in path.split("/")):
        raise UnsafeName(f"{_shown(uri)} is not a folder of artifacts that MLflow serves")
    return path


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else type(value).__name__
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
