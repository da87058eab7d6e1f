"""A private site cache for DVC: its default, /var/tmp/dvc, is writable by every user of the machine."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["private_site_cache"]

VARIABLE = "DVC_SITE_CACHE_DIR"


def private_site_cache(root: Path = Path()) -> str:
    """Create a private folder (mode 0700), and return it for DVC's setting ``core.site_cache_dir``.

    Args:
        root: the project. The folder is ``.dvc/tmp/site-cache`` in it, unless DVC_SITE_CACHE_DIR is set.
    """
    configured = os.environ.get(VARIABLE)
    folder = Path(configured) if configured else root.resolve() / ".dvc/tmp/site-cache"
    if configured or folder.parents[1].is_dir():  # without a project, DVC itself reports the error
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # DVC creates its subfolders with mode 0777
    return str(folder)
