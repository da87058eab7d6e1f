"""Remove files of DVC that a killed run left half written: DVC would refuse every later run because of them.

All only save time: without ``dvc.lock`` or an entry of the run cache a stage runs again, and an entry of the
read-write lock belongs to a process that has ended. DVC does not replace them by renaming, so a kill at the wrong
moment leaves half of one, or a folder of the run cache without a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.console import console

__all__ = ["remove_half_written"]


def remove_half_written(repo: Any, dag: str) -> None:
    """Check the lock files and the run cache of this repository of DVC; remove what DVC could not read.

    Each is checked while DVC's own lock for it is held, so that no other run is in the middle of writing it.
    """
    from dvc.lock import make_lock
    from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK

    folder = Path(repo.tmp_dir)
    with make_lock(str(folder / RWLOCK_LOCK), tmp_dir=str(folder), wait=True):
        _remove_unless(_is_json, folder / RWLOCK_FILE)
    with repo.lock:
        _remove_unless(lambda path: _is_lock_file(repo, path), Path(repo.root_dir, dag).with_suffix(".lock"))
        for folder in Path(repo.stage_cache.cache_dir).glob("*/*"):
            with suppress(OSError):  # it has a file, as it should
                folder.rmdir()


def _remove_unless(is_whole: Callable[[Path], bool], path: Path) -> None:
    if path.is_file() and not is_whole(path):
        path.unlink()
        console.print(f"removed {path.name}, which a killed run left half written", soft_wrap=True)


def _is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except ValueError:
        return False


def _is_lock_file(repo: Any, path: Path) -> bool:
    from dvc.dvcfile import Lockfile
    from dvc.exceptions import DvcException

    try:
        return isinstance(Lockfile(repo, str(path)).load(), dict)
    except DvcException:
        return False
