"""Where DVC keeps what it knows of a project: by default /var/tmp/dvc, which every user of the machine may write."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["private_site_cache"]

VARIABLE = "DVC_SITE_CACHE_DIR"


def private_site_cache(root: Path = Path()) -> str:
    """Make a folder that is its user's alone (mode 0700), and return it for DVC's setting ``core.site_cache_dir``.

    Args:
        root: the project; the folder is ``.dvc/tmp/site-cache`` in it, unless DVC_SITE_CACHE_DIR names another.
    """
    given = os.environ.get(VARIABLE)
    folder = Path(given) if given else root.resolve() / ".dvc/tmp/site-cache"
    if given or folder.parents[1].is_dir():  # where there is no project, DVC says so
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # DVC makes what is below with mode 0777
    return str(folder)
