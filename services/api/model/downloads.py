"""Download a file over HTTP to disk, or a small one to memory, up to a size limit."""

from __future__ import annotations

from pathlib import Path

import httpx

from bundle import BundleTooLarge

__all__ = ["download", "read_small"]


def download(client: httpx.Client, url: str, to: Path, *, max_bytes: int) -> None:
    """Download ``url`` to the file ``to``.

    Raises:
        BundleTooLarge: more than ``max_bytes`` were received, whatever size was declared.
        httpx.HTTPError: no response, or an error status.
    """
    written = 0
    with client.stream("GET", url) as answer, to.open("wb") as file:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            written += len(chunk)
            if written > max_bytes:
                raise BundleTooLarge(f"{to.name} has more than {max_bytes:,} bytes")
            file.write(chunk)


def read_small(client: httpx.Client, url: str, *, max_bytes: int) -> bytes:
    """Return the content of ``url``.

    Raises:
        BundleTooLarge: more than ``max_bytes`` were received, whatever size was declared.
        httpx.HTTPError: no response, or an error status.
    """
    content = b""
    with client.stream("GET", url) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > max_bytes:
                raise BundleTooLarge(f"the answer has more than {max_bytes:,} bytes")
    return content
