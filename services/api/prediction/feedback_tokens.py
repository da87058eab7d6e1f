"""Feedback tokens: a signed receipt in each prediction response, which links true labels to the predicted scores.

The receipt contains the scores themselves. So predictions store nothing, and feedback is scored for the version that
predicted, even if another one is served by then. Pure.

Format 1 is that of two classes, with their names and the threshold. Format 2 is that of any other target, which may
have a hundred classes: it has a hash of the target, and how many numbers there are for each row.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bundle import Target

__all__ = ["MAX_VALUES", "FeedbackTokens", "InvalidFeedbackToken", "Receipt", "derive_feedback_key", "hash_target"]

TWO_CLASSES, ANY_TARGET = b"\x01", b"\x02"
"""The formats: the first byte of a token."""

ID_BYTES = 12
MAC_BYTES = 16
HASH_BYTES = 8
SECONDS_A_DAY = 86_400
HEAD = struct.Struct(f">I{ID_BYTES}sfHHHH")
"""Expiry in seconds since 1970, receipt id, decision threshold, lengths of subject, version and both class names."""

HEAD_OF_ANY = struct.Struct(f">I{ID_BYTES}s{HASH_BYTES}sHHH")
"""Expiry, receipt id, hash of the target, lengths of subject and version, outputs of a row."""

MAX_VALUES = 100_000
"""Of predictions with a token, which a client must send back: one for each row and output."""


class InvalidFeedbackToken(Exception):
    """The token was not issued by this API, was altered, or has expired; the text follows "is "."""


@dataclass(frozen=True)
class Receipt:
    """The predictions of one request."""

    receipt_id: str
    """24 random hex digits. The request id is not used, because a client may choose it and repeat it."""

    subject: str
    model_version: str
    target: bytes
    """``hash_target`` of the version that predicted."""

    threshold: float
    """That of two classes; 0 for any other target."""

    outputs: npt.NDArray[np.float32]
    """Those of ``Predicted``, in the order of the rows: (n,), or (n, outputs)."""

    expires: int
    """Seconds since 1970."""


def hash_target(target: Target) -> bytes:
    """Return the same bytes for targets whose predictions are scored alike. The threshold may differ."""
    text = json.dumps([target.type, target.classes, target.unit, target.interval])
    return hashlib.blake2b(text.encode(), digest_size=HASH_BYTES).digest()


def derive_feedback_key(signing_key: Ed25519PrivateKey) -> bytes:
    """Derive the key of feedback tokens, the same in every replica with the signing key.

    Source: RFC 5869 (HKDF).
    """
    return HKDF(SHA256(), length=32, salt=None, info=b"espalier feedback token 1").derive(
        signing_key.private_bytes_raw()
    )


class FeedbackTokens:
    """Issues tokens of one model version, and verifies tokens of any version."""

    def __init__(
        self,
        keys: Sequence[bytes],
        *,
        model_version: str,
        target: Target,
        seconds: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Store the keys, of which the first one signs, and the constant parts of this version's tokens."""
        self._keys, self._seconds, self._now = tuple(keys), seconds, now
        version, self.target = model_version.encode(), hash_target(target)
        self._mark: float | bytes
        """What a token has before its lengths."""
        if target.type == "binary":
            texts = [version, *(label.encode() for label in target.classes)]
            self._format, self._head, self._mark = TWO_CLASSES, HEAD, target.threshold or 0.0
            self._lengths, self._version_part = tuple(map(len, texts)), b"".join(texts)
        else:
            self._format, self._head, self._mark = ANY_TARGET, HEAD_OF_ANY, self.target
            self._lengths, self._version_part = (len(version), target.outputs), version

    def issue(self, subject: str, outputs: npt.NDArray[np.float32]) -> str:
        """Return the token of (n,) or (n, outputs) predictions, with one MAC for any n."""
        name = subject.encode()
        expires = int(self._now()) + self._seconds
        head = self._head.pack(expires, os.urandom(ID_BYTES), self._mark, len(name), *self._lengths)
        content = b"".join((self._format, head, name, self._version_part, outputs.astype("<f4", copy=False).tobytes()))
        return base64.urlsafe_b64encode(content + _mac(self._keys[0], content)).rstrip(b"=").decode()

    def verify(self, token: str) -> Receipt:
        """Return the receipt in a token.

        Raises:
            InvalidFeedbackToken: not issued with one of the keys, or expired.
        """
        content = self._authenticate(token)
        receipt = _read_two_classes(content) if content[:1] == TWO_CLASSES else _read_any(content)
        if receipt.expires <= self._now():
            raise InvalidFeedbackToken(f"expired; feedback is accepted for {self._seconds / SECONDS_A_DAY:g} days")
        return receipt

    def _authenticate(self, token: str) -> bytes:
        """Return the content after verifying its MAC; nothing is parsed before."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        content, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        is_known = content[:1] in (TWO_CLASSES, ANY_TARGET)
        if not is_known or not any(hmac.compare_digest(mac, _mac(key, content)) for key in self._keys):
            raise InvalidFeedbackToken("not a feedback_token from a prediction of this API")
        return content


def _read_two_classes(content: bytes) -> Receipt:
    expires, receipt_id, threshold, *lengths = HEAD.unpack_from(content, 1)
    (subject, version, *classes), start = _texts(content, 1 + HEAD.size, lengths)
    target = hash_target(Target(name="", classes=tuple(classes), threshold=0.5))
    return Receipt(receipt_id.hex(), subject, version, target, threshold, _values(content, start), expires)


def _read_any(content: bytes) -> Receipt:
    expires, receipt_id, target, *lengths, outputs = HEAD_OF_ANY.unpack_from(content, 1)
    (subject, version), start = _texts(content, 1 + HEAD_OF_ANY.size, lengths)
    values = _values(content, start)
    rows = values if outputs == 1 else values.reshape(-1, outputs)
    return Receipt(receipt_id.hex(), subject, version, target, 0.0, rows, expires)


def _texts(content: bytes, start: int, lengths: Sequence[int]) -> tuple[list[str], int]:
    """Return the texts with these lengths from ``start`` on, and where they end."""
    texts = []
    for length in lengths:
        texts.append(content[start : start + length].decode())
        start += length
    return texts, start


def _values(content: bytes, start: int) -> npt.NDArray[np.float32]:
    return np.frombuffer(content, dtype="<f4", offset=start).astype(np.float32)


def _mac(key: bytes, content: bytes) -> bytes:
    # Keyed BLAKE2b (RFC 7693) is a MAC, in half the time of HMAC-SHA256 on a short text.
    return hashlib.blake2b(content, key=key, digest_size=MAC_BYTES).digest()
