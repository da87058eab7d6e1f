"""Start a server, wait until it answers, and terminate its whole process group."""

from __future__ import annotations

import operator
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from espalier.local.errors import PortTaken, ServerFailed

__all__ = ["Server", "check_port", "free_port", "running", "wait_for_interrupt"]

LOOPBACK = "127.0.0.1"
PORTS = range(15_000, 30_000)
"""Of ``free_port``. Outgoing connections have ports from 32,768 (Linux) or 49,152 (macOS)."""

END_SECONDS = 15
POLL_SECONDS = 0.2
LOG_LINES = 15


@dataclass(frozen=True)
class Server:
    """What to start, and how to tell that it is ready."""

    name: str
    arguments: Sequence[str]
    """Arguments of the Python interpreter."""

    environment: Mapping[str, str]
    ready_url: str
    log: Path
    ca: Path | None = None
    timeout_seconds: float = 90
    headers: Mapping[str, str] = field(default_factory=dict)


def check_port(port: int) -> None:
    """Raise PortTaken if another process listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} is already in use; stop the process that uses it, or choose another port"
            ) from error


def free_port() -> int:
    """Return a port that nothing listens on now.

    It is below those that the kernel gives to outgoing connections: one of them could take it before the server does.
    """
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def wait_for_interrupt() -> None:
    """Return when Ctrl-C is pressed, which is how a server in a terminal is stopped."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


@contextmanager
def running(server: Server) -> Iterator[None]:
    """Run a server for as long as the block lasts.

    Raises:
        ServerFailed: it exited or did not answer; the message has the end of its log.
    """
    server.log.parent.mkdir(parents=True, exist_ok=True)
    with server.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *server.arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **server.environment},
            start_new_session=True,  # its own process group, so that its workers are terminated with it
        )
    try:
        _wait_until_ready(server, process)
        yield
    finally:
        _end(process)


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    from tenacity import RetryError, Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

    verify = ssl.create_default_context(cafile=str(server.ca)) if server.ca else False
    retrying = Retrying(
        retry=retry_if_result(operator.not_) | retry_if_exception_type(httpx.TransportError),
        stop=stop_after_delay(server.timeout_seconds),
        wait=wait_fixed(POLL_SECONDS),
    )
    with httpx.Client(verify=verify, timeout=5, trust_env=False) as client:

        def is_ready() -> bool:
            if process.poll() is not None:
                raise ServerFailed(f"{server.name} exited with {process.returncode}; {_end_of(server.log)}")
            return client.get(server.ready_url, headers=dict(server.headers)).is_success

        try:
            retrying(is_ready)
        except RetryError as error:
            message = f"{server.name} did not answer within {server.timeout_seconds:.0f} s; {_end_of(server.log)}"
            raise ServerFailed(message) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        if not _group_lives(process.pid):
            return


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    return "\n  ".join([f"end of its log {log}:", *lines])
