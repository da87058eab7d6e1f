"""A run of batch scoring: settle model and partitions, score what is left, and report the drift of the whole batch."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bundle import Bundle
from evaluation.examination import examine
from pipelines.config.settings import Settings
from pipelines.errors import OutputConflict
from pipelines.scoring.drift import drift_report
from pipelines.scoring.models import ModelSource
from pipelines.scoring.outputs import read_output_record
from pipelines.scoring.partitions import WHOLE, Shard, Tables
from pipelines.scoring.places import Place, is_file_name, open_place
from pipelines.scoring.record import (
    RECORD,
    Counts,
    InvalidRows,
    RunRecord,
    check_same_run,
    create_record,
    parse_record,
)
from pipelines.scoring.score import Advance, PartitionResult
from pipelines.scoring.workers import Work, score_partitions

__all__ = ["Options", "Summary", "run_scoring"]

DRIFT = "_drift.json"
"""Name of the drift report of a folder."""


@dataclass(frozen=True)
class Options:
    """How to score."""

    keep: tuple[str, ...] | None = None
    invalid_rows: InvalidRows = "fail"
    batch_rows: int = 100_000
    workers: int = 1
    """Cores to use: processes, one for each partition, and threads in them if there are fewer partitions."""

    shard: Shard = WHOLE


@dataclass(frozen=True)
class Summary:
    """What a run has done."""

    run: RunRecord
    results: Sequence[PartitionResult]
    evaluator: str
    """Why lignum or XGBoost evaluated the trees (``examination.examine``)."""

    seconds: float
    drift: dict[str, Any] | None
    """None: other shards are not finished."""

    drift_address: str
    newer_version: str | None
    """The version that the alias means by now, if the run continued with an earlier one."""


def run_scoring(
    tables: Tables,
    model: ModelSource,
    settings: Settings,
    options: Options,
    advance: Advance,
) -> Summary:
    """Score all partitions of a shard that are not finished, and write the drift report when all shards are.

    A run that was killed is continued by the same call: with the same version, and without what is finished.

    Raises:
        InvalidData, MissingData: a table cannot be scored; its output does not exist.
        OutputConflict: the output belongs to another run.
        BundleError: the model is not trusted.
    """
    target, partitions = open_place(tables.target, settings), tables.of(options.shard)
    bundle, run, newer = _settle(tables, target, model, options)
    reason = examine(bundle)
    began = time.monotonic()
    processes = max(1, min(options.workers, len(partitions)))
    work = Work(
        bundle=bundle,
        reason=reason,
        run=run,
        source=tables.source,
        target=tables.target,
        settings=settings,
        batch_rows=options.batch_rows,
        threads=max(1, options.workers // processes),
    )
    results = list(score_partitions(work, partitions, processes=processes, advance=advance))
    seconds = time.monotonic() - began
    name = DRIFT if tables.is_folder else f"{tables.partitions[0].target.removesuffix('.parquet')}.drift.json"
    if newer and not any(result.is_new for result in results) and target.read(name) is not None:
        raise OutputConflict(
            f"{tables.target} is finished, with {run.model}, but version {newer} is meant now; choose another output"
        )
    counts = _all_counts(tables, target, results)
    drift = None if counts is None else drift_report(run, bundle.contract, bundle.reference, counts)
    if drift is not None:
        target.replace(name, (json.dumps(drift, indent=2) + "\n").encode())
    return Summary(run, results, reason, seconds, drift, target.address(name), newer)


def _settle(
    tables: Tables, target: Place, model: ModelSource, options: Options
) -> tuple[Bundle, RunRecord, str | None]:
    """Return the bundle, the record of the run, and the version that an alias means instead of it by now."""
    meant = model.resolve()
    bundle = model.load(meant)
    wanted, newer = _record(bundle, tables, options), None
    if not tables.is_folder:
        return bundle, wanted, None
    address = target.address(RECORD)
    found = target.read(RECORD) or target.create(RECORD, wanted.to_bytes())
    run = parse_record(found, address)
    if model.is_alias and run.model.name == wanted.model.name and run.model.version != meant:
        bundle, newer = model.load(run.model.version), meant
        wanted = _record(bundle, tables, options)
    try:
        check_same_run(run, wanted, tables.target)
    except OutputConflict:
        if any(is_file_name(name) for name in target.names()):
            raise
        target.replace(RECORD, wanted.to_bytes())  # the earlier run has scored nothing
        run = wanted
    return bundle, run, newer


def _record(bundle: Bundle, tables: Tables, options: Options) -> RunRecord:
    return create_record(
        bundle,
        source=tables.source if tables.is_folder else f"{tables.source}/{tables.partitions[0].source}",
        keep=options.keep,
        invalid_rows=options.invalid_rows,
        began=datetime.now(UTC),
    )


def _all_counts(tables: Tables, target: Place, results: Sequence[PartitionResult]) -> Counts | None:
    """Return the counts of all partitions, those of other shards too; None if one is not finished."""
    counts = {result.partition: result.counts for result in results}
    total = Counts()
    for partition in tables.partitions:
        found = counts.get(partition)
        if found is None:
            record = read_output_record(target, partition.target)
            if record is None:
                return None
            found = record.counts
        total = total.plus(found)
    return total
