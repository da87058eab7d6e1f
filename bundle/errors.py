"""Why a bundle, or a key for one, is refused.

BundleError
├── BundleTooLarge       more bytes than the reader was told to accept
├── MissingFile          one of the six files is not there
├── UnexpectedFile       something that no bundle holds (a pickle, a script, a link)
├── UnsignedBundle       no manifest.sig
├── UntrustedSignature   signed, but by none of the trusted keys
├── AlteredBundle        a file's bytes are not those that were signed
├── MalformedBundle      signed and whole, but not of this format
├── WrongIdentity        signed and whole, but another version or another model than was asked for
├── RejectedBundle       its manifest says that the gate rejected it
├── UnsafeName           a version, file or folder whose name must not become part of a path
└── InvalidKey           a key file that is missing, unreadable or of another kind
"""

from typing import ClassVar

from bundle.expected_error import ExpectedError

__all__ = [
    "AlteredBundle",
    "BundleError",
    "BundleTooLarge",
    "InvalidKey",
    "MalformedBundle",
    "MissingFile",
    "RejectedBundle",
    "UnexpectedFile",
    "UnsafeName",
    "UnsignedBundle",
    "UntrustedSignature",
    "WrongIdentity",
]


class BundleError(ExpectedError):
    """Base of every refusal. ``reason`` is a stable word for metrics and logs."""

    exit_code = 9
    reason: ClassVar[str] = "bundle"


class BundleTooLarge(BundleError):
    """The files together are larger than the limit."""

    reason = "too_large"


class MissingFile(BundleError):
    """One of the six files is not there."""

    reason = "missing_file"


class UnexpectedFile(BundleError):
    """The folder holds something that no bundle holds."""

    reason = "unexpected_file"


class UnsignedBundle(BundleError):
    """There is no signature."""

    reason = "unsigned"


class UntrustedSignature(BundleError):
    """The signature was not made by a trusted key."""

    reason = "untrusted_signature"


class AlteredBundle(BundleError):
    """A file differs from what was signed."""

    reason = "altered"


class MalformedBundle(BundleError):
    """A signed file does not follow the format."""

    reason = "malformed"


class WrongIdentity(BundleError):
    """The signed manifest names another version, or another model."""

    reason = "wrong_identity"


class RejectedBundle(BundleError):
    """The manifest says that the gate rejected the model."""

    reason = "rejected"


class UnsafeName(BundleError):
    """A name from elsewhere that must not become part of a path."""

    reason = "unsafe_name"


class InvalidKey(BundleError):
    """A key file is missing, unreadable or not Ed25519."""

    reason = "invalid_key"
