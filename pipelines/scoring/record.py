"""What a run of batch scoring is: one version of a model, one input, one choice of columns.

A folder of outputs has the record of its run in a file. Whoever continues the run, after a kill or as another pod of
the same Job, takes the version from there, even if the champion has changed meanwhile: a folder never has predictions
of two versions. Every output names the run in its own metadata, with the state of its input and what was counted.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from bundle import Bundle, Identity
from bundle.target import FrozenModel
from pipelines.errors import OutputConflict

__all__ = [
    "OUTPUT_KEY",
    "RECORD",
    "Counts",
    "InvalidRows",
    "OutputRecord",
    "RunRecord",
    "check_same_run",
    "create_record",
    "parse_record",
]

RECORD = "_scoring.json"
"""Name of the record of a folder. Readers of Parquet folders skip names that begin with an underscore."""

OUTPUT_KEY = b"espalier.scoring"
"""Key in the metadata of every output."""

InvalidRows = Literal["fail", "null"]


class RunRecord(FrozenModel):
    """What all partitions of a run have in common."""

    format: Literal[1] = 1
    model: Identity
    run_id: str
    """MLflow run that trained the model."""

    git_commit: str
    data_md5: str
    manifest_sha256: str
    """Of the content of the bundle's manifest, which names the digests of all its files."""

    source: str
    """Address of the input."""

    keep: tuple[str, ...] | None
    """Columns that are copied from the input; None: those that the model does not use."""

    invalid_rows: InvalidRows
    began: datetime

    @property
    def key(self) -> str:
        """Equal for outputs that may stand next to each other."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        return (self.model_dump_json(indent=2) + "\n").encode()


class Counts(FrozenModel):
    """What was counted in some rows; the rows without a prediction are in none of the bins."""

    rows: int = 0
    refused: int = 0
    """Rows without a prediction, because the API would refuse them."""

    labels: dict[str, int] = Field(default_factory=dict)
    """Rows with each label; empty if the target has none."""

    features: tuple[int, ...] = ()
    """Of every bin of every feature, in the order of the reference and the contract."""

    score: tuple[int, ...] = ()

    def plus(self, other: Counts) -> Counts:
        """Return the sums."""
        names = dict.fromkeys([*self.labels, *other.labels])
        return Counts(
            rows=self.rows + other.rows,
            refused=self.refused + other.refused,
            labels={name: self.labels.get(name, 0) + other.labels.get(name, 0) for name in names},
            features=_sums(self.features, other.features),
            score=_sums(self.score, other.score),
        )


class OutputRecord(FrozenModel):
    """The metadata of one output."""

    format: Literal[1] = 1
    run: RunRecord
    input: str
    """Digest of the input."""

    counts: Counts


def create_record(
    bundle: Bundle, *, source: str, keep: tuple[str, ...] | None, invalid_rows: InvalidRows, began: datetime
) -> RunRecord:
    """Return the record of a new run."""
    lineage = bundle.manifest.lineage
    return RunRecord(
        model=bundle.manifest.identity,
        run_id=lineage.run_id,
        git_commit=lineage.git_commit,
        data_md5=lineage.data_md5,
        manifest_sha256=hashlib.sha256(bundle.manifest.model_dump_json().encode()).hexdigest(),
        source=source,
        keep=keep,
        invalid_rows=invalid_rows,
        began=began,
    )


def parse_record(content: bytes, address: str) -> RunRecord:
    """Read the file of a folder.

    Raises:
        OutputConflict: it is not such a file.
    """
    try:
        return RunRecord.model_validate_json(content)
    except ValidationError as error:
        raise OutputConflict(f"{address} is not the record of a scoring run; choose another output") from error


def check_same_run(record: RunRecord, wanted: RunRecord, address: str) -> None:
    """Check that an output of a run may be continued by what is wanted now.

    Raises:
        OutputConflict: it has another model, version, input or options.
    """
    for what, before, now in (
        ("model", str(record.model), str(wanted.model)),
        ("bundle", record.manifest_sha256, wanted.manifest_sha256),
        ("input", record.source, wanted.source),
        ("--keep", record.keep, wanted.keep),
        ("--invalid-rows", record.invalid_rows, wanted.invalid_rows),
    ):
        if before != now:
            raise OutputConflict(
                f"{address} was scored with another {what} ({before}, now {now}); choose another output, or delete it"
            )


def _sums(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(sum, zip(one, other, strict=True))) if one and other else one or other
