"""The keys of access tokens and of bundles, from files."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from espalier.bundle import InvalidKey, load_private_key, load_public_keys
from services.api.errors import StartupFailed
from services.api.feedback_tokens import derive_feedback_key
from services.api.settings import Settings

__all__ = ["load_bundle_keys", "load_feedback_keys", "load_token_keys"]


def load_token_keys(settings: Settings) -> tuple[Ed25519PrivateKey, list[Ed25519PublicKey]]:
    """Return the key that signs, and every key whose tokens are accepted.

    Raises:
        StartupFailed: a file is missing, or holds a key of another kind; the text says how to make one.
    """
    try:
        signing = load_private_key(settings.jwt_signing_key_file)
        extra = settings.jwt_extra_verification_key_files
        others = load_public_keys(extra) if extra else []
    except InvalidKey as error:
        raise StartupFailed(f"access tokens cannot be signed: {error}") from error
    return signing, [signing.public_key(), *others]


def load_feedback_keys(settings: Settings) -> list[bytes]:
    """Return the key of feedback tokens, and those of tokens from before the signing key was changed.

    Raises:
        StartupFailed: a file is missing, or holds a key of another kind.
    """
    files = (settings.jwt_signing_key_file, *settings.feedback_old_key_files)
    try:
        return [derive_feedback_key(load_private_key(path)) for path in files]
    except InvalidKey as error:
        raise StartupFailed(f"feedback tokens cannot be signed or verified: {error}") from error


def load_bundle_keys(settings: Settings) -> list[Ed25519PublicKey]:
    """Return every key whose bundles are trusted.

    Raises:
        StartupFailed: a file is missing, or holds a key of another kind.
    """
    try:
        return load_public_keys(settings.model_public_key_files)
    except InvalidKey as error:
        raise StartupFailed(f"bundles cannot be verified: {error}") from error
