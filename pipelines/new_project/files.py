"""Write a new project: the table, its pointer, schema.yaml and params.yaml; all of them, or none.

Never:  changes a file that exists, unless that is wanted.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from pipelines.config.params import PARAMS_FILE
from pipelines.config.schema import SCHEMA_FILE
from pipelines.dataset.pointer import hash_file
from pipelines.errors import InvalidParams
from pipelines.new_project.draft import Draft
from pipelines.new_project.params_text import POINTER

__all__ = ["check_free", "write_project"]

DATA = Path(POINTER).parent
IGNORED = DATA / ".gitignore"


def check_free(folder: Path, table: Path) -> None:
    """Reject a folder that already has a project.

    Raises:
        InvalidParams: a file exists.
    """
    taken = [str(name) for name in _names(table) if _exists(folder / name) and not _is_same(folder / name, table)]
    if taken:
        raise InvalidParams(
            f"{folder} already has {', '.join(taken)}; --force replaces them, or choose another folder with --project"
        )


def write_project(folder: Path, table: Path, draft: Draft) -> None:
    """Write the files.

    Raises:
        InvalidParams: one cannot be written; nothing was.
    """
    new = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        (folder / DATA).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder / "pipelines") as unfinished:
            _write(Path(unfinished), folder, table, draft)
    except OSError as error:
        _remove_empty([folder / DATA, folder / "pipelines", *new])
        raise InvalidParams(f"cannot write to {folder}: {error.strerror or error}; nothing was written") from error


def _write(unfinished: Path, folder: Path, table: Path, draft: Draft) -> None:
    """Write all files beside the folder's own, then move each to its place."""
    (unfinished / DATA).mkdir(parents=True)
    (unfinished / SCHEMA_FILE).write_text(draft.schema_text, encoding="utf-8")
    (unfinished / PARAMS_FILE).write_text(draft.params_text, encoding="utf-8")
    names = _names(table)
    if _is_same(folder / DATA / table.name, table):
        names.remove(DATA / table.name)
    else:
        shutil.copyfile(table, unfinished / DATA / table.name)
    # What `dvc add` writes for a file.
    out = {"md5": hash_file(table)[0], "size": table.stat().st_size, "hash": "md5", "path": table.name}
    pointer = unfinished / DATA / f"{table.name}.dvc"
    pointer.write_text(yaml.safe_dump({"outs": [out]}, sort_keys=False, allow_unicode=True), encoding="utf-8")
    (unfinished / POINTER).symlink_to(pointer.name)
    if not (folder / IGNORED).exists():
        (unfinished / IGNORED).write_text(
            f"# The table is DVC's; git keeps its pointer.\n/{table.name}\n", encoding="utf-8"
        )
        names.append(IGNORED)
    for name in names:
        (unfinished / name).replace(folder / name)


def _names(table: Path) -> list[Path]:
    return [SCHEMA_FILE, PARAMS_FILE, DATA / table.name, DATA / f"{table.name}.dvc", Path(POINTER)]


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _is_same(path: Path, table: Path) -> bool:
    return path.exists() and path.samefile(table)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
