"""Third-party charts: from the folder CHART_MIRROR, or from their repositories."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from espalier.cluster.tools import run

__all__ = ["ensure_dependencies", "mirrored"]


def mirrored(name: str) -> Path | None:
    """Return the folder of a chart in CHART_MIRROR, if it exists."""
    folder = Path(os.environ.get("CHART_MIRROR") or os.devnull) / name
    return folder if folder.is_dir() else None


def ensure_dependencies(chart: Path) -> list[str]:
    """Fetch the dependencies of a chart into its charts/, and return the names of the fetched ones.

    Existing dependencies, unpacked or packed, are kept.
    """
    fetched = []
    for dependency in _dependencies(chart):
        name, version, folder = dependency["name"], dependency["version"], chart / "charts"
        if not dependency.get("repository") or (folder / f"{name}-{version}.tgz").exists():
            continue
        mirror = mirrored(name)
        if mirror:
            run("helm", "package", str(mirror), "--version", version, "--destination", str(folder))
        else:
            source = ["--repo", dependency["repository"], "--version", version]
            run("helm", "pull", name, *source, "--destination", str(folder))
        fetched.append(name)
    return fetched


def _dependencies(chart: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load((chart / "Chart.yaml").read_text()).get("dependencies") or [])
