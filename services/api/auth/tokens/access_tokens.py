"""Access tokens: signed, short-lived, verified without the database (RFC 9068, RFC 8725). Pure."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.api.errors import InvalidToken

__all__ = ["LEEWAY_SECONDS", "MAX_TOKEN_SECONDS", "Claims", "TokenIssuer", "TokenVerifier", "public_jwk"]

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
LEEWAY_SECONDS = 30
MAX_TOKEN_SECONDS = 900
"""Maximum lifetime of a token, whichever trusted key signed it. Revocations are kept for at least this time."""

MAX_TOKEN_CHARACTERS = 4096
REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti", "epoch"]


@dataclass(frozen=True)
class Claims:
    """The caller and their permissions."""

    subject: str
    scopes: frozenset[str]
    epoch: int
    """Number of revocations of the subject before the token was issued."""

    expires: int = 0
    """Seconds since 1970."""


class TokenIssuer:
    """Signs access tokens."""

    def __init__(
        self, key: Ed25519PrivateKey, *, issuer: str, audience: str, seconds: int, now: Callable[[], float] = time.time
    ) -> None:
        """Store the key and the claims of every token."""
        self._key = key
        self._kid = public_jwk(key.public_key())["kid"]
        self._issuer, self._audience, self._now = issuer, audience, now
        self.seconds = seconds

    def issue(self, subject: str, scopes: Iterable[str], *, epoch: int) -> str:
        """Return a signed token for ``subject``, valid until it expires or the epoch is raised."""
        now = int(self._now())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "iat": now,
            "exp": now + self.seconds,
            "jti": uuid.uuid4().hex,
            "scope": " ".join(sorted(scopes)),
            "epoch": epoch,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"typ": TYPE, "kid": self._kid})


class TokenVerifier:
    """Verifies access tokens with the configured keys, and no others."""

    def __init__(self, keys: Iterable[Ed25519PublicKey], *, issuer: str, audience: str) -> None:
        """Store the keys by their thumbprints."""
        self._keys = {public_jwk(key)["kid"]: key for key in keys}
        self._issuer, self._audience = issuer, audience

    @property
    def key_set(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [public_jwk(key) for key in self._keys.values()]}

    def verify(self, token: str) -> Claims:
        """Return the claims of a valid token.

        Raises:
            InvalidToken: the text is the same for every reason.
        """
        try:
            if len(token) > MAX_TOKEN_CHARACTERS:
                raise InvalidToken
            header = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid")))
            if key is None or str(header.get("typ")).lower() != TYPE:
                raise InvalidToken
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED},
            )
            return _read(claims)
        except (jwt.InvalidTokenError, InvalidToken, ValueError, TypeError, OverflowError) as error:
            raise InvalidToken from error


def _read(claims: dict[str, Any]) -> Claims:
    epoch = claims["epoch"]
    expires = int(claims["exp"])
    if type(epoch) is not int or expires - int(claims["iat"]) > MAX_TOKEN_SECONDS:
        raise InvalidToken
    scopes = frozenset(str(claims.get("scope", "")).split())
    return Claims(subject=str(claims["sub"]), scopes=scopes, epoch=epoch, expires=expires)


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Return the key as a JSON Web Key whose ``kid`` is its thumbprint (RFC 8037, RFC 7638)."""
    x = _base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    members = {"crv": "Ed25519", "kty": "OKP", "x": x}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return {**members, "kid": _base64url(hashlib.sha256(canonical).digest()), "alg": ALGORITHM, "use": "sig"}


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
