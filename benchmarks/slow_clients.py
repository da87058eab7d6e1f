"""Many clients that send a byte of a request now and then, as broken or hostile ones do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["slow_clients"]

PAUSE_SECONDS = 1.0
"""Between two bytes of a client."""

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


@contextmanager
def slow_clients(number: int, port: int) -> Iterator[None]:
    """Keep so many connections to a server on this machine; one that it closes is opened again."""
    loop = asyncio.new_event_loop()
    end = asyncio.Event()
    opened = threading.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_run(number, port, opened, end),))
    thread.start()
    try:
        opened.wait(30)
        yield
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()


async def _run(number: int, port: int, opened: threading.Event, end: asyncio.Event) -> None:
    clients = [asyncio.create_task(_send_slowly(port)) for _ in range(number)]
    await asyncio.sleep(PAUSE_SECONDS)
    opened.set()
    await end.wait()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


async def _send_slowly(port: int) -> None:
    while True:
        with suppress(OSError):
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                for byte in HEAD + b"x" * 1000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(PAUSE_SECONDS)
            finally:
                writer.close()
        await asyncio.sleep(PAUSE_SECONDS)
