"""Read and write objects of S3 in pieces."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

__all__ = ["PART_BYTES", "RangeReader", "Upload"]

PART_BYTES = 16 * 2**20
"""Size of the parts of an upload, which is also the memory that it takes. S3 allows 10,000 parts: 160 GB."""


class RangeReader(io.RawIOBase):
    """Reads one state of an object by ranges."""

    def __init__(self, get: Callable[[str], bytes], size: int) -> None:
        """Store a function that returns a range of the object (``bytes=0-9``), and the number of bytes."""
        self._get, self._size, self._at = get, size, 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can seek."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position; nothing is requested."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return up to ``size`` bytes by one request."""
        end = self._size if size < 0 else min(self._size, self._at + size)
        if end <= self._at:
            return b""
        content = self._get(f"bytes={self._at}-{end - 1}")
        self._at += len(content)
        return content

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


class Upload(io.RawIOBase):
    """Writes an object, in parts unless it is small. It exists only after ``commit``, and then whole."""

    def __init__(self, ask: Callable[..., Any], target: dict[str, str]) -> None:
        """Store a function that sends a request of S3 by name, and the bucket and key."""
        self._ask, self._target = ask, target
        self._buffer = bytearray()
        self._upload: dict[str, str] = {}
        self._parts: list[dict[str, Any]] = []

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    def write(self, content: Any) -> int:
        """Append bytes; full parts are sent."""
        self._buffer += content
        while len(self._buffer) >= PART_BYTES:
            self._send(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]
        return len(content)

    def commit(self) -> None:
        """Make the object exist."""
        if not self._upload:
            self._ask("put_object", **self._target, Body=bytes(self._buffer))
            return
        if self._buffer:
            self._send(bytes(self._buffer))
        parts = {"Parts": self._parts}
        self._ask("complete_multipart_upload", **self._target, **self._upload, MultipartUpload=parts)

    def abort(self) -> None:
        """Remove the parts that were sent."""
        if self._upload:
            self._ask("abort_multipart_upload", **self._target, **self._upload)

    def _send(self, content: bytes) -> None:
        if not self._upload:
            answer = self._ask("create_multipart_upload", **self._target)
            self._upload = {"UploadId": answer["UploadId"]}
        number = len(self._parts) + 1
        answer = self._ask("upload_part", **self._target, **self._upload, PartNumber=number, Body=content)
        self._parts.append({"ETag": answer["ETag"], "PartNumber": number})
