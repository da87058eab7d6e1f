"""The model bundle: the one artefact that training writes and the API reads.

Gives:  the format (contract, reference, metrics, golden rows, manifest), its writer, its reader, its keys, and checked
        names. golden_rows.py is imported only where it is used, because it needs NumPy.
        Names of aliases and tags that training and the API share: vocabulary.py.
Never:  imports another package of this project, loads a model, calls MLflow.
"""

from bundle.contract import Contract, Feature, IgnoredColumn
from bundle.errors import (
    AlteredBundle,
    BundleError,
    BundleTooLarge,
    InvalidKey,
    InvalidModel,
    MalformedBundle,
    MissingFile,
    RejectedBundle,
    UnexpectedFile,
    UnsafeName,
    UnsignedBundle,
    UntrustedSignature,
    WrongIdentity,
)
from bundle.expected_error import ExpectedError
from bundle.identity import Identity, ModelName, VersionNumber, artifact_folder, check_version
from bundle.keys import load_private_key, load_public_keys, write_key_pair
from bundle.layout import ALL_FILES, BUNDLE_FILES, COMPANION_FILES
from bundle.manifest import FileEntry, HashSplit, Lineage, Manifest
from bundle.metrics import (
    BinaryScores,
    BundleMetrics,
    DecisionCosts,
    MulticlassScores,
    PlattScaling,
    RegressionScores,
    Scores,
    SliceScores,
    StoppedEarly,
)
from bundle.reader import Bundle, read_bundle
from bundle.reference import Bins, Reference
from bundle.target import Category, Target, TargetType
from bundle.verdict import GateCheck, GateVerdict
from bundle.writer import sign_bundle, write_bundle, write_manifest

__all__ = [
    "ALL_FILES",
    "BUNDLE_FILES",
    "COMPANION_FILES",
    "AlteredBundle",
    "BinaryScores",
    "Bins",
    "Bundle",
    "BundleError",
    "BundleMetrics",
    "BundleTooLarge",
    "Category",
    "Contract",
    "DecisionCosts",
    "ExpectedError",
    "Feature",
    "FileEntry",
    "GateCheck",
    "GateVerdict",
    "HashSplit",
    "Identity",
    "IgnoredColumn",
    "InvalidKey",
    "InvalidModel",
    "Lineage",
    "MalformedBundle",
    "Manifest",
    "MissingFile",
    "ModelName",
    "MulticlassScores",
    "PlattScaling",
    "Reference",
    "RegressionScores",
    "RejectedBundle",
    "Scores",
    "SliceScores",
    "StoppedEarly",
    "Target",
    "TargetType",
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
