"""The model bundle: the one artefact that training writes and the API reads.

Gives:  the format (contract, reference, metrics, manifest), its writer, its reader and its keys.
Never:  imports services or pipelines, loads a model, talks to MLflow.
"""

from espalier.bundle.contract import Category, Contract, Feature, Target
from espalier.bundle.errors import (
    AlteredBundle,
    BundleError,
    BundleTooLarge,
    InvalidKey,
    MalformedBundle,
    MissingFile,
    UnexpectedFile,
    UnsignedBundle,
    UntrustedSignature,
)
from espalier.bundle.keys import load_private_key, load_public_keys, write_key_pair
from espalier.bundle.layout import BUNDLE_FILES, COMPANION_FILES
from espalier.bundle.manifest import FileEntry, Lineage, Manifest
from espalier.bundle.metrics import BundleMetrics, Scores, SliceScores
from espalier.bundle.reader import Bundle, read_bundle
from espalier.bundle.reference import Bins, Reference
from espalier.bundle.writer import sign_bundle, write_bundle

__all__ = [
    "BUNDLE_FILES",
    "COMPANION_FILES",
    "AlteredBundle",
    "Bins",
    "Bundle",
    "BundleError",
    "BundleMetrics",
    "BundleTooLarge",
    "Category",
    "Contract",
    "Feature",
    "FileEntry",
    "InvalidKey",
    "Lineage",
    "MalformedBundle",
    "Manifest",
    "MissingFile",
    "Reference",
    "Scores",
    "SliceScores",
    "Target",
    "UnexpectedFile",
    "UnsignedBundle",
    "UntrustedSignature",
    "load_private_key",
    "load_public_keys",
    "read_bundle",
    "sign_bundle",
    "write_bundle",
    "write_key_pair",
]
