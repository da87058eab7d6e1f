"""Feedback tokens: a signed receipt in each prediction response, which links true labels to the predicted scores.

The receipt contains the scores themselves. So predictions store nothing, and feedback is scored for the version that
predicted, even if another one is served by then. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
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

__all__ = ["FeedbackTokens", "InvalidFeedbackToken", "Receipt", "derive_feedback_key"]

FORMAT = b"\x01"
ID_BYTES = 12
MAC_BYTES = 16
SECONDS_A_DAY = 86_400
HEAD = struct.Struct(f">I{ID_BYTES}sfHHHH")
"""Expiry in seconds since 1970, receipt id, decision threshold, lengths of subject, version and both class names."""


class InvalidFeedbackToken(Exception):
    """The token was not issued by this API, was altered, or has expired; the text follows "is "."""


@dataclass(frozen=True)
class Receipt:
    """The predictions of one request."""

    receipt_id: str
    """24 random hex digits. The request id is not used, because a client may choose it and repeat it."""

    subject: str
    model_version: str
    classes: tuple[str, str]
    threshold: float
    probabilities: npt.NDArray[np.float32]
    """(n,), of the positive class, in the order of the rows."""

    expires: int
    """Seconds since 1970."""


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
        classes: tuple[str, str],
        threshold: float,
        seconds: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Store the keys, of which the first one signs, and the constant parts of this version's tokens."""
        self._keys, self._seconds, self._now = tuple(keys), seconds, now
        self._threshold = threshold
        self._texts = [text.encode() for text in (model_version, *classes)]
        self._lengths = tuple(map(len, self._texts))
        self._version_part = b"".join(self._texts)

    def issue(self, subject: str, probabilities: npt.NDArray[np.float32]) -> str:
        """Return the token of (n,) probabilities, with one MAC for any n."""
        name = subject.encode()
        expires = int(self._now()) + self._seconds
        head = HEAD.pack(expires, os.urandom(ID_BYTES), self._threshold, len(name), *self._lengths)
        content = b"".join((FORMAT, head, name, self._version_part, probabilities.astype("<f4", copy=False).tobytes()))
        return base64.urlsafe_b64encode(content + _mac(self._keys[0], content)).rstrip(b"=").decode()

    def verify(self, token: str) -> Receipt:
        """Return the receipt in a token.

        Raises:
            InvalidFeedbackToken: not issued with one of the keys, or expired.
        """
        content = self._authenticate(token)
        expires, receipt_id, threshold, *lengths = HEAD.unpack_from(content, 1)
        texts, start = [], 1 + HEAD.size
        for length in lengths:
            texts.append(content[start : start + length].decode())
            start += length
        if expires <= self._now():
            raise InvalidFeedbackToken(f"expired; feedback is accepted for {self._seconds / SECONDS_A_DAY:g} days")
        subject, version, negative, positive = texts
        return Receipt(
            receipt_id=receipt_id.hex(),
            subject=subject,
            model_version=version,
            classes=(negative, positive),
            threshold=threshold,
            probabilities=np.frombuffer(content, dtype="<f4", offset=start).astype(np.float32),
            expires=expires,
        )

    def _authenticate(self, token: str) -> bytes:
        """Return the content after verifying its MAC; nothing is parsed before."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        content, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if content[:1] != FORMAT or not any(hmac.compare_digest(mac, _mac(key, content)) for key in self._keys):
            raise InvalidFeedbackToken("not a feedback_token from a prediction of this API")
        return content


def _mac(key: bytes, content: bytes) -> bytes:
    # Keyed BLAKE2b (RFC 7693) is a MAC, in half the time of HMAC-SHA256 on a short text.
    return hashlib.blake2b(content, key=key, digest_size=MAC_BYTES).digest()
