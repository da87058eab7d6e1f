"""The folder of what training keeps in files: no run leaves it, and one that was killed leaves it to the next."""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.dataset.files import WORK

__all__ = ["scratch_folder"]

PREFIX = "training-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make an empty folder for this process, and remove it at the end, also after a failure.

    Folders of processes that have ended, because they were killed, are removed at the beginning.
    """
    for left in WORK.glob(f"{PREFIX}*"):
        if not _is_running(left.name.removeprefix(PREFIX)):
            shutil.rmtree(left, ignore_errors=True)
    folder = WORK / f"{PREFIX}{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException as error:
        _forget(error)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forget(error: BaseException | None) -> None:
    """Free the matrices that a failure holds, since XGBoost warns if it cannot remove their files itself."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _is_running(number: str) -> bool:
    """Return whether another process has this number; that of a container may be one of a container before it."""
    if not number.isdecimal() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
