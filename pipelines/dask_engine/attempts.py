"""What if a worker dies? Hand all rows to the workers that are left, and train again, a few times at most."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.config.settings import Settings
from pipelines.console import console
from pipelines.dask_engine.connect import check_settings, connected
from pipelines.dask_engine.locks import check_lock
from pipelines.dask_engine.pieces import Boosted, Plan, Rows
from pipelines.dask_engine.reports import Heard
from pipelines.dask_engine.train import LostWorker, train_once
from pipelines.dask_engine.workers import check_versions, free_workers
from pipelines.errors import ClusterLost

__all__ = ["train_on_cluster"]


def train_on_cluster(settings: Settings, sets: Sequence[Rows], plan: Plan, heard: Heard) -> Boosted:
    """Boost on the Dask cluster of the settings.

    Args:
        sets: rows to learn from, and then rows that are measured after every round.
        heard: called after each round, again from 0 in another attempt.

    Raises:
        InvalidParams: settings are wrong, or the cluster has other versions.
        Unreachable: there is no scheduler, or no free worker.
        ClusterLost: a worker died in each attempt.
        PipelineError: XGBoost fails on a worker.
    """
    check_settings(settings)
    reason = ""
    for attempt in range(settings.dask_attempts):
        if attempt:
            console.print(f"lost in training: {reason}; handing out the rows again, attempt {attempt + 1}")
        with connected(settings) as client:
            check_versions(client)
            workers = free_workers(client, settings)[: min(rows.count for rows in sets)]
            check_lock(client, workers, settings)
            try:
                return train_once(client, workers, sets, plan, heard)
            except LostWorker as error:
                reason = str(error)
    raise ClusterLost(
        f"the Dask cluster at {settings.dask_address} lost a part in each of {settings.dask_attempts} attempts "
        f"(PIPELINE_DASK_ATTEMPTS), last {reason}. Workers that end again and again have most often too little memory: "
        "see their logs, give them more, or start more of them"
    )
