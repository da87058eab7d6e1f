"""The model bundle: the one artefact that training writes and the API reads.

Gives:  the format (contract, reference, metrics, manifest), its writer, its reader, its keys, and checked names.
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
    RejectedBundle,
    UnexpectedFile,
    UnsafeName,
    UnsignedBundle,
    UntrustedSignature,
    WrongIdentity,
)
from espalier.bundle.identity import Identity, ModelName, VersionNumber, artifact_folder, check_version
from espalier.bundle.keys import load_private_key, load_public_keys, write_key_pair
from espalier.bundle.layout import BUNDLE_FILES, COMPANION_FILES
from espalier.bundle.manifest import FileEntry, Lineage, Manifest
from espalier.bundle.metrics import BundleMetrics, Scores, SliceScores
from espalier.bundle.reader import Bundle, read_bundle
from espalier.bundle.reference import Bins, Reference
from espalier.bundle.verdict import GateCheck, GateVerdict
from espalier.bundle.writer import sign_bundle, write_bundle, write_manifest

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
    "GateCheck",
    "GateVerdict",
    "Identity",
    "InvalidKey",
    "Lineage",
    "MalformedBundle",
    "Manifest",
    "MissingFile",
    "ModelName",
    "Reference",
    "RejectedBundle",
    "Scores",
    "SliceScores",
    "Target",
    "UnexpectedFile",
    "UnsafeName",
    "UnsignedBundle",
    "UntrustedSignature",
    "VersionNumber",
    "WrongIdentity",
    "artifact_folder",
    "check_version",
    "load_private_key",
    "load_public_keys",
    "read_bundle",
    "sign_bundle",
    "write_bundle",
    "write_key_pair",
    "write_manifest",
]
