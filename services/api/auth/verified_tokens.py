"""Verified tokens, kept in each worker: a signature costs as much as a prediction, and a client sends it every time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.api.auth.access_tokens import LEEWAY_SECONDS, Claims, TokenVerifier
from services.api.auth.revocations import Revocations
from services.api.errors import InvalidToken

__all__ = ["VerifiedTokens"]

MAX_TOKENS = 4096
"""The oldest one is dropped first."""


@dataclass(frozen=True)
class _Verified:
    claims: Claims
    until: float
    """Seconds since 1970, with the leeway of the verifier."""


class VerifiedTokens:
    """Checks tokens: the signature once, expiry and revocation every time. Only digests of tokens are stored."""

    def __init__(
        self, verifier: TokenVerifier, revocations: Revocations, *, now: Callable[[], float] = time.time
    ) -> None:
        """Start empty."""
        self._verifier, self._revocations, self._now = verifier, revocations, now
        self._tokens: dict[bytes, _Verified] = {}

    def check(self, token: str) -> Claims:
        """Return the claims of a valid token that is not revoked.

        Raises:
            InvalidToken
        """
        claims = self.find(token.encode(errors="surrogatepass")) or self._verify(token)
        if self._revocations.is_revoked(claims):
            raise InvalidToken
        return claims

    def find(self, token: bytes) -> Claims | None:
        """Return the claims of a token that was verified before and is still valid, else None."""
        found = self._tokens.get(_digest(token))
        if found is None or found.until <= self._now() or self._revocations.is_revoked(found.claims):
            return None
        return found.claims

    def _verify(self, token: str) -> Claims:
        claims = self._verifier.verify(token)
        if len(self._tokens) >= MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[_digest(token.encode())] = _Verified(claims, claims.expires + LEEWAY_SECONDS)
        return claims


def _digest(token: bytes) -> bytes:
    return hashlib.blake2b(token, digest_size=32).digest()
