"""Score partitions in this process, or in several at a time."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from bundle import Bundle
from pipelines.config.settings import Settings
from pipelines.errors import PipelineError
from pipelines.scoring.partitions import Partition
from pipelines.scoring.places import open_place
from pipelines.scoring.record import RunRecord
from pipelines.scoring.score import Advance, PartitionResult, Scorer

__all__ = ["Work", "score_partitions"]


@dataclass(frozen=True)
class Work:
    """What every process needs to score its partitions."""

    bundle: Bundle
    reason: str
    """Who evaluates the trees: ``examination.examine``."""

    run: RunRecord
    source: str
    target: str
    settings: Settings
    batch_rows: int
    threads: int
    """Of each process."""


class Worker:
    """What scores partitions in one process."""

    def __init__(self, work: Work) -> None:
        """Load the model."""
        self._source, self._target = open_place(work.source, work.settings), open_place(work.target, work.settings)
        self._scorer = Scorer(work.bundle, work.reason, work.run, batch_rows=work.batch_rows, threads=work.threads)

    def score(self, partition: Partition, advance: Advance) -> PartitionResult:
        """Score one partition."""
        return self._scorer.score(self._source, self._target, partition, advance)


def score_partitions(
    work: Work, partitions: Sequence[Partition], *, processes: int, advance: Advance
) -> Iterator[PartitionResult]:
    """Yield the results in the order in which they are finished.

    Args:
        processes: as many at a time. One is this process.
        advance: called after each batch in this process, or after each partition in another.

    Raises:
        PipelineError: of the first partition that fails; the others are not begun any more.
    """
    if processes == 1:
        worker = Worker(work)
        for partition in partitions:
            yield worker.score(partition, advance)
        return
    # Not forked: OpenMP's threads, in XGBoost, do not survive that.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(work,))
    try:
        for future in as_completed([pool.submit(_score, partition) for partition in partitions]):
            result = future.result()
            advance(result.counts.rows, 1)
            yield result
        pool.shutdown()
    except BrokenProcessPool as error:
        raise PipelineError(
            "a process that scores was killed, perhaps because memory ran out: use fewer --workers or --batch-rows, "
            "and run again; finished partitions are kept"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()


_worker: Worker | None = None
"""Of this process, if it is one of the pool."""


def _begin(work: Work) -> None:
    global _worker  # noqa: PLW0603 - the only way to give a process of the pool something once
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its processes
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = Worker(work)
    atexit.register(_release)


def _release() -> None:
    """Release the model before Python ends: lignum prints a warning for one that is left."""
    global _worker  # noqa: PLW0603
    _worker = None


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _score(partition: Partition) -> PartitionResult:
    assert _worker is not None  # noqa: S101 (_begin has run)
    return _worker.score(partition, lambda _rows, _share: None)
