"""A .dvc pointer: hash, size and name of a table, which is a file or a folder."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from pipelines.config.files import describe_problems, read_yaml
from pipelines.errors import AlteredData, InvalidParams

__all__ = ["Pointer", "check_file", "hash_file", "load_pointer"]

CHUNK_BYTES = 2**20
FOLDER = ".dir"
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


@dataclass(frozen=True)
class Pointer:
    """One tracked file, or a tracked folder."""

    source: Path
    md5: str
    """Of a folder, that of its listing, with the ending ``.dir``, as DVC writes it."""

    size_bytes: int
    name: str

    @property
    def is_folder(self) -> bool:
        """Whether it names a folder."""
        return self.md5.endswith(FOLDER)


class _Out(BaseModel):
    md5: str
    size: int
    path: str


class _PointerFile(BaseModel):
    outs: tuple[_Out]


def load_pointer(path: Path) -> Pointer:
    """Read a pointer that ``dvc add`` made for a file or a folder.

    Raises:
        InvalidParams: the file is missing, or is not a pointer.
    """
    try:
        out = _PointerFile.model_validate(read_yaml(path)).outs[0]
    except ValidationError as error:
        raise InvalidParams(describe_problems(path, error)) from error
    if not MD5.fullmatch(out.md5):
        raise InvalidParams(f"{path}: {out.md5!r} is not an MD5; create the pointer with: dvc add TABLE")
    return Pointer(source=path, md5=out.md5, size_bytes=out.size, name=Path(out.path).name)


def check_file(path: Path, pointer: Pointer) -> str:
    """Compare a file with its pointer, and return its SHA-256.

    DVC identifies files by MD5, which is not collision-resistant; the lineage therefore records SHA-256 too.

    Raises:
        AlteredData: size or MD5 differs.
    """
    md5, sha256 = hash_file(path)
    if md5 != pointer.md5 or path.stat().st_size != pointer.size_bytes:
        raise AlteredData(
            f"{path} has MD5 {md5} and {path.stat().st_size:,} bytes, but {pointer.source} expects {pointer.md5} and "
            f"{pointer.size_bytes:,} bytes: the data or the pointer has changed"
        )
    return sha256


def hash_file(path: Path) -> tuple[str, str]:
    """Return MD5 and SHA-256, in one pass."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            md5.update(chunk)
            sha256.update(chunk)
    return md5.hexdigest(), sha256.hexdigest()
