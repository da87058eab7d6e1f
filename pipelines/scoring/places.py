"""Where the tables are that are read and written: a folder on this machine, or a prefix of an S3 bucket."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from pipelines.config.settings import Settings
from pipelines.errors import InvalidParams

__all__ = ["Input", "Place", "is_file_name", "open_place", "split_address"]

S3 = "s3://"
TABLES = (".parquet",)


class Input(Protocol):
    """One file that is being read: always the same content from the first byte to the last."""

    @property
    def file(self) -> BinaryIO:
        """Return the file, which can seek."""

    def digest(self) -> str:
        """Return what identifies its content; call it before anything is read."""

    def check(self) -> None:
        """Check after reading that the content did not change meanwhile.

        Raises:
            AlteredData
        """


class Place(Protocol):
    """A folder or a prefix. Names are relative to it, with slashes."""

    def names(self) -> list[str]:
        """Return the names of all files below it, sorted; none if it does not exist.

        Raises:
            Unreachable
        """

    def address(self, name: str) -> str:
        """Return the path or URL of a file, for messages."""

    def open(self, name: str) -> AbstractContextManager[Input]:
        """Open a file for reading.

        Raises:
            MissingData: it does not exist.
            AlteredData: it changes while it is read.
            Unreachable
        """

    def write(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for writing. It appears under its name when the block has succeeded, whole, or never.

        Raises:
            OutputConflict: another process is writing it.
            Unreachable
        """

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file, or None if it does not exist."""

    def create(self, name: str, content: bytes) -> bytes:
        """Write a small file unless it exists, and return its content: of several processes, the first one wins."""

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file."""


def is_file_name(address: str) -> bool:
    """Tell whether an address names one table, not a folder or prefix."""
    return address.endswith(TABLES)


def split_address(address: str) -> tuple[str, str]:
    """Return the folder or prefix of a file, and its name.

    Raises:
        InvalidParams: a URL of another kind than s3://, or without a bucket.
    """
    if "://" in address and not address.startswith(S3):
        raise InvalidParams(f"{address}: only paths and s3://bucket/key can be read and written")
    if not address.startswith(S3):
        return str(Path(address).parent), Path(address).name
    folder, _, name = address.rpartition("/")
    if folder in ("s3:", "s3:/"):
        raise InvalidParams(f"{address} names no object; write s3://bucket/key")
    return folder, name


def open_place(address: str, settings: Settings) -> Place:
    """Return the folder or prefix at an address; nothing is opened or created yet."""
    split_address(f"{address.rstrip('/')}/name")
    if address.startswith(S3):
        from pipelines.scoring.s3 import Prefix

        return Prefix(address, settings)
    from pipelines.scoring.local import Folder

    return Folder(Path(address))
