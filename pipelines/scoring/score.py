"""Score one partition: read, check, encode, predict, count and write batch by batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from bundle import Bundle
from evaluation.columns import WrongValue
from evaluation.evaluator import create_evaluator
from pipelines.errors import InvalidData, OutputConflict, PipelineError
from pipelines.scoring.columns import Encoder
from pipelines.scoring.drift import BatchCounter
from pipelines.scoring.outputs import OutputTable, read_output_record
from pipelines.scoring.partitions import Partition
from pipelines.scoring.places import Place
from pipelines.scoring.predictions import count_labels, prediction_columns
from pipelines.scoring.record import OUTPUT_KEY, Counts, OutputRecord, RunRecord, check_same_run
from pipelines.scoring.tables import InputTable

__all__ = ["Advance", "PartitionResult", "Scorer"]

SHOWN = 3
"""Invalid values that a message names."""

Advance = Callable[[int, float], None]
"""Called with a number of rows that were scored, and their share of their file."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class PartitionResult:
    """What one partition contains."""

    partition: Partition
    counts: Counts
    is_new: bool
    """False: an earlier run has scored it."""


@dataclass(frozen=True)
class _Scored:
    """The output of one batch, and what was counted in it."""

    batch: Any
    counts: Counts


def _ignore(_rows: int, _share: float) -> None:
    pass


class Scorer:
    """Scores partitions with one model."""

    def __init__(self, bundle: Bundle, reason: str, run: RunRecord, *, batch_rows: int, threads: int) -> None:
        """Load the model.

        Args:
            bundle: verified.
            reason: from ``examination.examine``: who evaluates the trees.
            run: what all partitions have in common.
            batch_rows: rows that are read at a time.
            threads: that predict. Each has one batch in memory, and one more waits to be written.
        """
        contract = bundle.contract
        self._contract, self._run, self._batch_rows, self._threads = contract, run, batch_rows, threads
        self._evaluator = create_evaluator(bundle.model, contract, reason)
        self._encoder = Encoder(contract)
        self._counter = BatchCounter(contract, bundle.reference)

    def finished(self, source: Place, target: Place, partition: Partition) -> PartitionResult | None:
        """Return the result of a partition that this run, or an equal one, has scored before; else None.

        Raises:
            OutputConflict: the output is of another run, or of an earlier state of the input.
        """
        record = read_output_record(target, partition.target)
        if record is None:
            return None
        address = target.address(partition.target)
        check_same_run(record.run, self._run, address)
        with source.open(partition.source) as opened:
            if record.input != opened.digest():
                raise OutputConflict(
                    f"{source.address(partition.source)} has changed since {address} was scored; delete the output to "
                    "score it again"
                )
        return PartitionResult(partition, record.counts, is_new=False)

    def score(self, source: Place, target: Place, partition: Partition, advance: Advance = _ignore) -> PartitionResult:
        """Score a partition, unless it is finished.

        Args:
            advance: called after each batch.

        Raises:
            InvalidData: a value that the API would refuse, and invalid rows are an error; or no readable table.
            OutputConflict: as for ``finished``.
        """
        found = self.finished(source, target, partition)
        if found is not None:
            return found
        address = source.address(partition.source)
        with source.open(partition.source) as opened:
            digest = opened.digest()
            table = InputTable(opened.file, address, self._contract)
            kept = table.kept(self._run.keep)
            output = OutputTable(table.schema, kept, self._contract.target, self._run, target.address(partition.target))
            counts = self._counter.count_nothing()
            try:
                with target.write(partition.target) as file, output.open(file) as writer:
                    for scored in self._score_batches(table, kept, output, address):
                        writer.write_batch(scored.batch)
                        counts = counts.plus(scored.counts)
                        advance(scored.counts.rows, scored.counts.rows / table.rows)
                    opened.check()
                    record = OutputRecord(run=self._run, input=digest, counts=counts)
                    writer.add_key_value_metadata({OUTPUT_KEY: record.model_dump_json().encode()})
                    writer.close()
            except OSError as error:
                raise PipelineError(f"cannot write {target.address(partition.target)}: {error}") from error
        return PartitionResult(partition, counts, is_new=True)

    def _score_batches(
        self, table: InputTable, kept: list[str], output: OutputTable, address: str
    ) -> Iterator[_Scored]:
        numbered = _numbered(table.batches(self._batch_rows, kept))
        work = partial(self._score_batch, output=output, address=address)
        if self._threads == 1:
            yield from map(work, numbered)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            yield from _in_order(pool, work, numbered, self._threads + 1)

    def _score_batch(self, numbered: tuple[int, Any], *, output: OutputTable, address: str) -> _Scored:
        before, batch = numbered
        encoded = self._encoder.encode_batch(batch)
        if encoded.wrong and self._run.invalid_rows == "fail":
            raise self._invalid(address, before, encoded.wrong)
        matrix, reasons = encoded.matrix, self._reasons(encoded.wrong)
        target, outputs = self._contract.target, self._evaluator.predict(matrix)
        refused = _mask(reasons, len(matrix)) if reasons else None
        predicted, scores = prediction_columns(target, outputs, refused)
        if refused is not None:
            matrix, scores = matrix[~refused], scores[~refused]
        counts = self._counter.count(matrix, scores, count_labels(predicted), refused=len(reasons))
        return _Scored(output.batch(batch, predicted, reasons), counts)

    def _reasons(self, wrong: Iterable[WrongValue]) -> dict[int, str]:
        by_row = sorted(wrong, key=lambda one: (one.row, one.feature))
        return {
            row: "; ".join(map(self._encoder.explain, problems))
            for row, problems in groupby(by_row, key=lambda one: one.row)
        }

    def _invalid(self, address: str, before: int, wrong: Iterable[WrongValue]) -> InvalidData:
        by_row = sorted(wrong, key=lambda one: (one.row, one.feature))
        shown = "; ".join(f"row {before + one.row + 1:,}: {self._encoder.explain(one)}" for one in by_row[:SHOWN])
        more = f"; and {len(by_row) - SHOWN:,} more in this batch" if len(by_row) > SHOWN else ""
        return InvalidData(
            f"{address}: {shown}{more}. Correct the table, or give such rows no prediction with --invalid-rows null"
        )


def _mask(rows: Iterable[int], length: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(length, dtype=np.bool_)
    mask[list(rows)] = True
    return mask


def _numbered(batches: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Yield every batch with the number of rows before it."""
    before = 0
    for batch in batches:
        yield before, batch
        before += batch.num_rows


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """Yield results in the order of the items, with at most ``ahead`` in memory."""
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
