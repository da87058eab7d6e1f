"""Tables in a folder on this machine."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from pipelines.errors import AlteredData, MissingData, OutputConflict, PipelineError

__all__ = ["Folder"]

PART = ".part"
"""Suffix of a file that is being written; the name begins with a dot."""


@dataclass(frozen=True)
class _LocalInput:
    path: Path
    file: BufferedReader
    state: tuple[int, ...]

    def digest(self) -> str:
        digest = hashlib.file_digest(self.file, "sha256").hexdigest()
        self.file.seek(0)
        return f"sha256:{digest}"

    def check(self) -> None:
        try:
            is_same = _state(self.path.stat()) == self.state
        except OSError:
            is_same = False
        if not is_same:
            raise AlteredData(f"{self.path} changed while it was read; run again when nothing writes it any more")


class Folder:
    """A folder."""

    def __init__(self, path: Path) -> None:
        """Store the path."""
        self._path = path

    def names(self) -> list[str]:
        """Return the names of all files, without hidden ones."""
        found = (path.relative_to(self._path) for path in self._path.rglob("*") if path.is_file())
        return sorted(name.as_posix() for name in found if not any(part.startswith(".") for part in name.parts))

    def address(self, name: str) -> str:
        """Return the path of a file."""
        return str(self._path / name)

    @contextmanager
    def open(self, name: str) -> Iterator[_LocalInput]:
        """Open a file; its digest is the SHA-256 of its content."""
        path = self._path / name
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise MissingData(f"{path} not found") from error
        except OSError as error:
            raise MissingData(f"cannot read {path}: {error.strerror}") from error
        with file:
            yield _LocalInput(path, file, _state(os.fstat(file.fileno())))

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """Write to a hidden file that is renamed at the end. A killed process leaves it to the next one, which begins
        it again."""
        path = self._path / name
        part = path.with_name(f".{path.name}{PART}")
        with _reporting(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = _lock(part, path)
        with file:
            try:
                yield file
                with _reporting(path):
                    file.flush()
                    os.fsync(file.fileno())
                    part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file."""
        try:
            return (self._path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def create(self, name: str, content: bytes) -> bytes:
        """Write a small file unless it exists: a hard link fails if its name is taken."""
        path = self._path / name
        with _reporting(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.{os.getpid()}{PART}")
            part.write_bytes(content)
            try:
                os.link(part, path)
            except FileExistsError:
                return path.read_bytes()
            finally:
                part.unlink()
        return content

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file."""
        with self.write(name) as file:
            file.write(content)


def _state(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _lock(part: Path, path: Path) -> BinaryIO:
    """Open the unfinished file of a path, empty, for this process alone."""
    while True:
        file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_ino == part.stat().st_ino:
                file.truncate()
                return file
        except BlockingIOError as error:
            file.close()
            raise OutputConflict(f"another process is writing {path}; wait until it has ended") from error
        except FileNotFoundError:
            pass  # the process that held the lock has just finished or removed the file
        file.close()


@contextmanager
def _reporting(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PipelineError(f"cannot write {path}: {error.strerror or error}") from error
