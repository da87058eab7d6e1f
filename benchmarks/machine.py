"""On what the numbers were measured."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import psutil

__all__ = ["describe_commit", "describe_machine"]

GIB = 2**30


def describe_machine() -> dict[str, str]:
    """Return processor, cores, memory and system."""
    return {
        "processor": _processor(Path("/proc/cpuinfo")),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / GIB:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
    }


def describe_commit() -> str:
    """Return the commit of this checkout, with ``-dirty`` if files differ from it; unknown without git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False
        )
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _processor(cpuinfo: Path) -> str:
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
