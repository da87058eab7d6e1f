"""A folder of files that one pointer names: its listing, as DVC stores it, and the check of every file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, TypeAdapter, ValidationError

from pipelines.dataset.pointer import Pointer, hash_file
from pipelines.errors import AlteredData

__all__ = ["Listed", "check_folder", "check_listed", "read_listing", "sha256_of"]


class _Entry(BaseModel):
    md5: str
    relpath: str


_Entries = TypeAdapter(list[_Entry])


@dataclass(frozen=True)
class Listed:
    """One file of a folder."""

    path: PurePosixPath
    """Relative to the folder; it never leads out of it."""

    md5: str


def check_folder(folder: Path, pointer: Pointer) -> tuple[bytes, list[Listed]]:
    """Compare all files of a folder with its pointer, and return its listing: as bytes, and by file.

    Raises:
        AlteredData: a file differs, or there are others.
    """
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.meta import Meta
    from dvc_data.hashfile.tree import Tree

    tree = Tree()  # type: ignore[no-untyped-call]
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        tree.add(file.relative_to(folder).parts, Meta(size=file.stat().st_size), HashInfo("md5", hash_file(file)[0]))
    tree.digest()
    found = tree.as_bytes()
    md5 = hashlib.md5(found, usedforsecurity=False).hexdigest()
    if f"{md5}.dir" != pointer.md5:
        raise AlteredData(
            f"the {len(tree)} files in {folder} have MD5 {md5}.dir, but {pointer.source} expects {pointer.md5}: the "
            f"data or the pointer has changed; if it is the data, run: dvc add {folder}"
        )
    return found, read_listing(found, pointer)


def read_listing(content: bytes, pointer: Pointer) -> list[Listed]:
    """Return the files that a listing names.

    Raises:
        AlteredData: it is not the one that the pointer names, or it is not a listing of files inside a folder.
    """
    if f"{hashlib.md5(content, usedforsecurity=False).hexdigest()}.dir" != pointer.md5:
        raise AlteredData(f"the listing {pointer.md5} on the data remote is corrupt; push the data again")
    try:
        entries = _Entries.validate_json(content)
    except ValidationError as error:
        raise AlteredData(f"the object {pointer.md5} on the data remote is not a listing of files") from error
    return [Listed(_inside(entry.relpath, pointer), entry.md5) for entry in entries]


def check_listed(path: Path, listed: Listed, pointer: Pointer) -> str:
    """Compare a file with its entry in the listing, and return its SHA-256.

    Raises:
        AlteredData: the MD5 differs.
    """
    md5, sha256 = hash_file(path)
    if md5 != listed.md5:
        raise AlteredData(f"{listed.path} of {pointer.name} has MD5 {md5}, but its listing expects {listed.md5}")
    return sha256


def sha256_of(files: list[tuple[Listed, str]]) -> str:
    """Return the SHA-256 of a folder: that of a line for each file with its own SHA-256 and its path."""
    lines = "".join(f"{sha256}  {listed.path}\n" for listed, sha256 in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _inside(name: str, pointer: Pointer) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name:
        raise AlteredData(f"the listing {pointer.md5} on the data remote names {name!r}, which is outside the folder")
    return path
