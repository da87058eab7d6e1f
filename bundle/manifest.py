"""manifest.json: the identity of the version, the gate's decision, the digest of every other file, and the lineage.

The signature covers it, so none of these can be replaced with another version's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from bundle.identity import Identity
from bundle.layout import DIGESTED_FILES, GOLDEN_ROWS
from bundle.target import FrozenModel
from bundle.verdict import GateVerdict

__all__ = ["DIGESTED_BY_FORMAT", "MANIFEST_FORMAT", "FileEntry", "HashSplit", "Lineage", "Manifest"]

MANIFEST_FORMAT: Final = 3
"""Format 2 added the identity and the verdict, format 3 the golden rows."""

DIGESTED_BY_FORMAT = {2: DIGESTED_FILES, MANIFEST_FORMAT: (*DIGESTED_FILES, GOLDEN_ROWS)}
"""The formats that this release reads, and the files whose digests the manifest of each has."""


class FileEntry(FrozenModel):
    """Digest and size of one file."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)


class HashSplit(FrozenModel):
    """How rows without a time were divided: a row is a test row if its hash is below a limit.

    So a later run can tell which rows a model was trained on, without a list of them.
    """

    seed: int = Field(ge=0)
    columns: tuple[str, ...] = Field(min_length=1)
    """Columns whose values are hashed: all but the target, or the one whose rows stay together."""

    test_below: dict[str, int]
    """Limit of the 64-bit hash for each class; with the one key "" for all rows."""


class Lineage(FrozenModel):
    """Everything needed to reproduce the model."""

    run_id: str
    """MLflow run that trained the model and holds its artifacts."""

    git_commit: str
    """Commit of the training code, with the suffix ``-dirty`` if the tree had changes, or ``unknown``."""

    data_md5: str
    """DVC's hash of the data file."""

    data_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    params_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Hash of params.yaml and schema.yaml together."""

    libraries: dict[str, str]
    """Version of each library that affects the model."""

    created: datetime
    """When the version was registered."""

    data_from: AwareDatetime | None = None
    """Time of the oldest row that the model was fitted on."""

    data_until: AwareDatetime | None = None
    """Time of the newest row that the model was fitted on; absent from older bundles."""

    trained_rows: int | None = Field(default=None, ge=1)
    """How many rows the model was fitted on."""

    split: HashSplit | None = None
    """None: the rows were split by time, or every row trained the model."""


class Manifest(FrozenModel):
    """The signed statement."""

    format: Literal[2, 3] = MANIFEST_FORMAT
    identity: Identity
    verdict: GateVerdict
    files: dict[str, FileEntry]
    lineage: Lineage
