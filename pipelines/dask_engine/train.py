"""How is a model boosted on a cluster? One attempt, on the workers of the moment."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.dask_engine.pieces import Boosted, Plan, Rows
from pipelines.dask_engine.reports import Heard, reporter
from pipelines.dask_engine.scatter import Placed, place
from pipelines.dask_engine.workers import Worker
from pipelines.errors import PipelineError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["LostWorker", "train_once"]

NOTICED_SECONDS = 10.0
"""A worker that dies breaks XGBoost's connections first, and the scheduler notices a little later."""


class LostWorker(Exception):
    """A worker died, or the scheduler did, so that rows are gone."""


def train_once(client: Client, workers: Sequence[Worker], sets: Sequence[Rows], plan: Plan, heard: Heard) -> Boosted:
    """Hand the rows to the workers, and boost.

    Args:
        sets: rows to learn from, and then rows that are measured after every round.
        heard: called after each round.

    Raises:
        LostWorker: rows are gone, and the training with them.
        PipelineError: XGBoost fails on a worker.
    """
    placed: list[Placed] = []
    try:
        for rows in sets:
            placed.append(place(client, rows, workers, len(plan.feature_names)))
        return _boost(client, placed, sets, plan, heard)
    except Exception as error:  # of Dask, XGBoost and the network, with many types for a lost worker
        if isinstance(error, PipelineError):
            raise
        lost = _lost(client, workers, placed)
        if lost:
            raise LostWorker(lost) from error
        raise PipelineError(f"XGBoost failed on a worker of the Dask cluster: {_reason(error)}") from error


def _boost(client: Client, placed: Sequence[Placed], sets: Sequence[Rows], plan: Plan, heard: Heard) -> Boosted:
    from xgboost import dask as dxgb

    learned = _matrix(client, placed[0], plan)
    evals = [(learned, sets[0].name)] if plan.stop is None and len(sets) > 1 else []
    evals += [
        (_matrix(client, part, plan, ref=learned), rows.name) for part, rows in zip(placed[1:], sets[1:], strict=True)
    ]
    topic = f"espalier-{uuid.uuid4().hex}"
    client.subscribe_topic(topic, lambda event: heard(event[1]["round"], event[1]["values"]))
    try:
        found = dxgb.train(
            client,
            plan.params,
            learned,
            plan.rounds,
            evals=evals,
            callbacks=_callbacks(plan, topic),
            verbose_eval=False,
        )
    finally:
        client.unsubscribe_topic(topic)
    booster = found["booster"]
    best = None if plan.stop is None else int(booster.best_iteration)
    return Boosted(bytes(booster.save_raw("ubj")), found["history"], best)


def _matrix(client: Client, placed: Placed, plan: Plan, ref: Any = None) -> Any:
    """Return XGBoost's view of rows that are on the workers already.

    Its constructor takes only arrays of Dask, and leaves it to the scheduler where their parts come to lie. Equal
    models need equal places, so it is made of one row, and then told where the parts are.
    """
    import numpy as np
    from dask import array
    from xgboost import dask as dxgb

    row = np.zeros((1, placed.columns), dtype=np.float32)
    matrix = dxgb.DaskQuantileDMatrix(
        client,
        array.from_array(row, chunks=row.shape),
        label=array.zeros(1, chunks=1),
        feature_names=plan.feature_names,
        feature_types=plan.feature_types,
        max_bin=plan.max_bin,
        ref=ref,
        enable_categorical=True,
    )
    matrix.worker_map = dict(placed.parts)
    return matrix


def _callbacks(plan: Plan, topic: str) -> list[Any]:
    import xgboost as xgb

    if plan.stop is None:
        return [reporter(topic)]
    stop = xgb.callback.EarlyStopping(
        rounds=plan.stop.rounds, metric_name=plan.stop.metric, data_name=plan.stop.rows, save_best=False
    )
    return [reporter(topic), stop]


def _lost(client: Client, workers: Sequence[Worker], placed: Sequence[Placed]) -> str:
    """Return what is gone: the scheduler, a worker, or rows on a worker; empty if nothing is."""
    deadline = time.monotonic() + NOTICED_SECONDS
    while time.monotonic() < deadline:
        try:
            present = client.run_on_scheduler(_addresses())
        except Exception:  # of the network, or of a client that has given up
            return "the scheduler"
        for worker in workers:
            parts = [part for one in placed for part in one.parts.get(worker.address, ())]
            if worker.address not in present or any(part.status != "finished" for part in parts):
                return f"the worker at {worker.address}"
        time.sleep(0.5)
    return ""


def _addresses() -> Callable[..., list[str]]:
    """Return a function for the scheduler; the client's own method answers from memory if there is no scheduler."""

    def addresses(dask_scheduler: Any = None) -> list[str]:
        return list(dask_scheduler.workers)

    return addresses


def _reason(error: BaseException) -> str:
    """Return what an error says in one line, of XGBoost's lines those before the calls in its library."""
    text = str(error).split("Stack trace:")[0] or type(error).__name__
    return " ".join(text.split())[:300]
