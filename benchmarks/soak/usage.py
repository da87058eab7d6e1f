"""What the server's processes hold: memory, open files, threads, connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psutil

__all__ = ["Sample", "take_sample"]

MIB = 2**20


@dataclass(frozen=True)
class Sample:
    """All processes of the server together."""

    seconds: float
    """Since the soak began."""

    requests: int
    """Answered so far."""

    pss_mib: float
    """Proportional set size: pages that processes share are counted once."""

    private_mib: float
    """Pages that no other process has."""

    files: int
    threads: int
    connections: int
    """Open connections to the port of the API."""


def take_sample(pid: int, port: int, *, seconds: float, requests: int) -> Sample:
    """Return what the process and its children hold now."""
    first = psutil.Process(pid)
    found = [_held(process, port) for process in (first, *first.children(recursive=True))]
    total = {name: sum(one[name] for one in found) for name in found[0]}
    return Sample(
        seconds=round(seconds, 1),
        requests=requests,
        pss_mib=total["pss"] / MIB,
        private_mib=total["uss"] / MIB,
        files=int(total["files"]),
        threads=int(total["threads"]),
        connections=int(total["connections"]),
    )


def _held(process: psutil.Process, port: int) -> Mapping[str, float]:
    try:
        memory = process.memory_full_info()
        connected = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
        return {
            "pss": memory.pss,
            "uss": memory.uss,
            "files": process.num_fds(),
            "threads": process.num_threads(),
            "connections": sum(one.laddr.port == port for one in connected),
        }
    except psutil.NoSuchProcess:
        return dict.fromkeys(("pss", "uss", "files", "threads", "connections"), 0)
