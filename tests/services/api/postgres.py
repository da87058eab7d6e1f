"""A PostgreSQL server for the tests, if the machine has PostgreSQL, for behaviour that SQLite does not have."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from espalier.local.processes import free_port

__all__ = ["is_installed", "running_postgres"]


def is_installed() -> bool:
    """Return whether a server can be created and started."""
    return bool(shutil.which("initdb") and shutil.which("pg_ctl"))


@contextmanager
def running_postgres() -> Iterator[str]:
    """Yield the URL of an empty database on loopback, which is deleted afterwards."""
    # It refuses to run as root, as in some containers.
    user = {"user": "nobody"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as folder:
        if user:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        data, port = Path(folder) / "data", free_port()
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"

        def call(*command: str) -> None:
            subprocess.run(command, check=True, cwd=folder, capture_output=True, **user)  # type: ignore[call-overload]

        call("initdb", "-D", str(data), "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")
        call("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", f"{folder}/log", "start")
        try:
            yield f"postgresql+psycopg://tests@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
