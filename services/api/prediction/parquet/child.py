"""Decode the Parquet file on standard input, and write it to standard output as an Arrow stream.

Run as a script, in a process that nothing else happens in: ``child.py LIBRARIES MEMORY SECONDS BATCH_ROWS``. It imports
nothing of this API, so that it starts within milliseconds, and takes its limits before it reads the first byte.
"""

from __future__ import annotations

import contextlib
import mmap
import resource
import signal
import sys

__all__ = ["main"]

REFUSED = 3
"""Exit code if the library does not read the file."""

OPEN_FILES = 3


def main(libraries: str, memory: str, seconds: str, batch_rows: str) -> int:
    """Decode within the limits, and return the exit code.

    Args:
        libraries: the folder that arro3 is in.
        memory: bytes of address space.
        seconds: of CPU time and of time.
        batch_rows: rows that are decoded at a time.
    """
    _limit(int(memory), int(seconds))
    sys.path.append(libraries)
    import arro3.core  # which arro3.io imports when it is used, and then no file can be opened
    import arro3.io

    file = mmap.mmap(sys.stdin.fileno(), 0, access=mmap.ACCESS_READ)
    out = open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)
    # From here it can open neither files nor connections.
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    try:
        decoded = arro3.io.read_parquet(file, batch_size=int(batch_rows))
        arro3.io.write_ipc_stream(decoded, out, compression=None)
    except BaseException:  # the library raises Exception, and a panic that derives from BaseException
        return REFUSED
    return 0


def _limit(memory: int, seconds: int) -> None:
    # If the machine or the container has no memory left, this process is to be ended and not the worker.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        most = resource.getrlimit(kind)[1]  # of this machine or container, which cannot be raised
        lower = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(kind, (lower, lower))
    # If the worker is killed, nobody else ends this process. The signal ends it in native code too.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stdout = None  # its buffer is not used, and the interpreter must not complain if the reader is gone
    sys.exit(status)
