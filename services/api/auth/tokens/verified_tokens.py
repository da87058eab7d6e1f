"""Verified tokens, kept in each worker: a signature costs as much as a prediction, and a client sends it every time."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from services.api.auth.tokens.access_tokens import LEEWAY_SECONDS, Claims, TokenVerifier
from services.api.auth.tokens.revocations import Revocations
from services.api.errors import InvalidToken

__all__ = ["VerifiedToken", "VerifiedTokens"]

MAX_TOKENS = 4096
"""The oldest one is dropped first."""


@dataclass(frozen=True)
class VerifiedToken:
    """The claims of a token whose signature was checked."""

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
        self._tokens: OrderedDict[bytes, VerifiedToken] = OrderedDict()

    def check(self, token: str) -> Claims:
        """Return the claims of a valid token that is not revoked.

        Raises:
            InvalidToken
        """
        found = self.find(token.encode(errors="surrogatepass"))
        claims = self._verify(token) if found is None else found.claims
        if self._revocations.is_revoked(claims):
            raise InvalidToken
        return claims

    def find(self, token: bytes) -> VerifiedToken | None:
        """Return a token that was verified before, if it is still valid."""
        found = self._tokens.get(_digest(token))
        return found if found is not None and self.is_valid(found) else None

    def is_valid(self, token: VerifiedToken) -> bool:
        """Return whether a verified token has neither expired nor been revoked since."""
        return token.until > self._now() and not self._revocations.is_revoked(token.claims)

    def _verify(self, token: str) -> Claims:
        claims = self._verifier.verify(token)
        if len(self._tokens) >= MAX_TOKENS:
            self._tokens.popitem(last=False)
        self._tokens[_digest(token.encode())] = VerifiedToken(claims, claims.expires + LEEWAY_SECONDS)
        return claims


def _digest(token: bytes) -> bytes:
    return hashlib.blake2b(token, digest_size=32).digest()
