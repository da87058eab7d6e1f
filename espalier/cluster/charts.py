"""Charts of others: from the folder that CHART_MIRROR names, or from their repositories."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from espalier.cluster.tools import run

__all__ = ["ensure_dependencies", "mirrored"]


def mirrored(name: str) -> Path | None:
    """Return the folder of a chart in CHART_MIRROR, if it is there."""
    folder = Path(os.environ.get("CHART_MIRROR") or os.devnull) / name
    return folder if folder.is_dir() else None


def ensure_dependencies(chart: Path) -> list[str]:
    """Fetch what a chart depends on into its charts/, and return the names of those that were missing.

    What it carries already, unpacked or packed, stays.
    """
    fetched = []
    for one in _dependencies(chart):
        name, version, folder = one["name"], one["version"], chart / "charts"
        if not one.get("repository") or (folder / f"{name}-{version}.tgz").exists():
            continue
        found = mirrored(name)
        if found:
            run("helm", "package", str(found), "--version", version, "--destination", str(folder))
        else:
            source = ["--repo", one["repository"], "--version", version]
            run("helm", "pull", name, *source, "--destination", str(folder))
        fetched.append(name)
    return fetched


def _dependencies(chart: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load((chart / "Chart.yaml").read_text()).get("dependencies") or [])
