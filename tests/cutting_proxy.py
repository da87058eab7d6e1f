"""A proxy on loopback that cuts connections in the middle of an answer, sends it slowly, or not at all."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["CuttingProxy", "cutting_proxy"]

PART_BYTES = 4096


PAUSE_SECONDS = 0.05
"""After each byte of a slow answer."""


class CuttingProxy:
    """Forwards connections to a server, and disturbs some of them."""

    def __init__(self, server: tuple[str, int]) -> None:
        """Listen on a free port."""
        self.cuts = 0
        """How many more answers are cut; -1: all."""
        self.cut = 0
        """How many were."""
        self.after_bytes = 200
        """Of an answer, with its head."""
        self.slow = 0
        """How many more answers of more bytes than these are sent byte by byte, with pauses; -1: all."""
        self.silent = 0
        """How many more answers are not sent, on connections that stay open; -1: all."""
        self.disturbed = 0
        """How many answers were slow or not sent."""
        self._server, self._lock = server, threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def run(self) -> None:
        """Accept connections until the proxy is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Stop accepting."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _forward(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server, suppress(OSError):
            back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
            back.start()
            while part := client.recv(PART_BYTES):
                server.sendall(part)
            server.shutdown(socket.SHUT_WR)
            back.join()

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while part := server.recv(PART_BYTES):
                if len(part) > self.after_bytes and self._takes_a_cut():
                    client.sendall(part[: self.after_bytes])
                    client.shutdown(socket.SHUT_RDWR)
                    return
                if self._takes("silent"):
                    return
                if len(part) > self.after_bytes and self._takes("slow"):
                    self._send_slowly(part, client)
                else:
                    client.sendall(part)
            client.shutdown(socket.SHUT_WR)

    @staticmethod
    def _send_slowly(part: bytes, client: socket.socket) -> None:
        for at in range(len(part)):
            client.sendall(part[at : at + 1])
            time.sleep(PAUSE_SECONDS)

    def _takes(self, what: str) -> bool:
        with self._lock:
            left = getattr(self, what)
            if not left:
                return False
            setattr(self, what, left - (left > 0))
            self.disturbed += 1
            return True

    def _takes_a_cut(self) -> bool:
        with self._lock:
            if not self.cuts:
                return False
            self.cuts -= self.cuts > 0
            self.cut += 1
            return True


@contextmanager
def cutting_proxy(server: tuple[str, int]) -> Iterator[CuttingProxy]:
    """Run a proxy in front of a server for as long as the block lasts."""
    proxy = CuttingProxy(server)
    thread = threading.Thread(target=proxy.run, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(10)
