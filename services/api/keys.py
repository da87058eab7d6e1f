"""The keys of the API, read from disk once, at the start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bundle import InvalidKey, load_private_key, load_public_keys
from services.api.errors import StartupFailed
from services.api.prediction.feedback_tokens import derive_feedback_key
from services.api.settings import Settings

__all__ = ["Keys", "load_keys"]


@dataclass(frozen=True)
class Keys:
    """Signing keys and trusted keys."""

    token_signing: Ed25519PrivateKey
    token_trusted: tuple[Ed25519PublicKey, ...]
    """The keys whose access tokens are accepted: first that of the signing key."""

    feedback: tuple[bytes, ...]
    """The key of feedback tokens, then the keys from before a rotation of the signing key."""

    bundle_trusted: tuple[Ed25519PublicKey, ...]
    """The keys whose bundles are trusted."""


def load_keys(settings: Settings) -> Keys:
    """Read the keys from the files that the settings name.

    Raises:
        StartupFailed: a file is missing, or is not an Ed25519 key; the text says how to create one.
    """
    with _failing("access tokens cannot be signed"):
        signing = load_private_key(settings.jwt_signing_key_file)
        extra = settings.jwt_extra_verification_key_files
        trusted = load_public_keys(extra) if extra else []
    with _failing("feedback tokens cannot be signed or verified"):
        old = [load_private_key(path) for path in settings.feedback_old_key_files]
    with _failing("bundles cannot be verified"):
        bundle = load_public_keys(settings.model_public_key_files)
    feedback = tuple(derive_feedback_key(key) for key in (signing, *old))
    return Keys(signing, (signing.public_key(), *trusted), feedback, tuple(bundle))


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except InvalidKey as error:
        raise StartupFailed(f"{what}: {error}") from error
