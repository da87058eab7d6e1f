"""manifest.json: which version this is, what the gate decided, the digest of every other file, and the lineage.

It is what the signature covers, so none of these can be exchanged for another version's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from bundle.contract import FrozenModel
from bundle.identity import Identity
from bundle.verdict import GateVerdict

__all__ = ["MANIFEST_FORMAT", "FileEntry", "Lineage", "Manifest"]

MANIFEST_FORMAT = 2
"""2 names the version and the verdict; 1 did not."""


class FileEntry(FrozenModel):
    """What one file must be."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)


class Lineage(FrozenModel):
    """Everything needed to make the model again."""

    run_id: str
    """MLflow run that trained it, and that holds the artifacts."""

    git_commit: str
    """Commit of the training code, with ``-dirty`` behind it when the tree had changes, or ``unknown``."""

    data_md5: str
    """DVC's hash of the data file."""

    data_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    params_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Hash of params.yaml and schema.yaml together."""

    libraries: dict[str, str]
    """Version of each library that shapes the model."""

    created: datetime
    """When the version was registered."""

    data_from: AwareDatetime | None = None
    """Time of the oldest row that the model was fitted on."""

    data_until: AwareDatetime | None = None
    """Time of the newest row that the model was fitted on; absent from bundles that are older."""

    trained_rows: int | None = Field(default=None, ge=1)
    """How many rows the model was fitted on."""


class Manifest(FrozenModel):
    """The signed statement."""

    format: Literal[2] = 2
    identity: Identity
    verdict: GateVerdict
    files: dict[str, FileEntry]
    lineage: Lineage
