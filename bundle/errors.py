"""Why a bundle, or a key for one, is refused.

BundleError
├── BundleTooLarge       more bytes than the limit
├── MissingFile          a file that a bundle of this format has is missing
├── UnexpectedFile       a file that no bundle contains (a pickle, a script, a link)
├── UnsignedBundle       no manifest.sig
├── UntrustedSignature   signed, but not by a trusted key
├── AlteredBundle        a file differs from what was signed
├── MalformedBundle      signed and complete, but not in this format
├── InvalidModel         signed and complete, but not a model of its contract
├── WrongIdentity        signed and complete, but for another version or model than requested
├── RejectedBundle       the manifest says that the gate rejected the model
├── UnsafeName           a version, file or folder name that must not become part of a path
└── InvalidKey           a key file that is missing, unreadable or not Ed25519
"""

from typing import ClassVar

from bundle.expected_error import ExpectedError

__all__ = [
    "AlteredBundle",
    "BundleError",
    "BundleTooLarge",
    "InvalidKey",
    "InvalidModel",
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
    """Base of every reason to refuse a bundle. ``reason`` is a stable word for metrics and logs."""

    exit_code = 9
    reason: ClassVar[str] = "bundle"


class BundleTooLarge(BundleError):
    """The files together are larger than the limit."""

    reason = "too_large"


class MissingFile(BundleError):
    """A file that a bundle of this format has is missing."""

    reason = "missing_file"


class UnexpectedFile(BundleError):
    """The folder contains a file that no bundle contains."""

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


class InvalidModel(BundleError):
    """The signed model is not a booster, or not one of the contract."""

    reason = "invalid_model"


class WrongIdentity(BundleError):
    """The signed manifest names another version, or another model."""

    reason = "wrong_identity"


class RejectedBundle(BundleError):
    """The manifest says that the gate rejected the model."""

    reason = "rejected"


class UnsafeName(BundleError):
    """A name from outside that must not become part of a path."""

    reason = "unsafe_name"


class InvalidKey(BundleError):
    """A key file is missing, unreadable or not Ed25519."""

    reason = "invalid_key"
