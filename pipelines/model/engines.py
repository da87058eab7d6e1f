"""Where is a model trained? In this process, or on a Dask cluster: ``train.engine``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bundle import Contract, PlattScaling
from pipelines.config.settings import Settings
from pipelines.dask_engine.connect import check_settings
from pipelines.dataset.rows import Rows
from pipelines.model.boosting import Fit, train_booster
from pipelines.model.checkpoint import Checkpoints
from pipelines.model.early_stopping import Search, divide, find_rounds
from pipelines.model.on_cluster import find_rounds_on_cluster, margins_of, train_on_workers
from pipelines.model.platt import fit_platt, platt_of
from pipelines.progress import progress_bar
from pipelines.targets.project import Project

__all__ = ["Engine", "Files", "engine_of"]

FINDING = "finding the number of rounds"

Found = tuple[Search | None, PlattScaling | None]
"""The number of rounds, if ``train.early_stopping``, and the calibration, if ``train.calibrate``."""


@dataclass(frozen=True)
class Files:
    """What the trainings of a run keep in files."""

    scratch: Path
    """A folder that is gone with the run."""

    checkpoints: Checkpoints
    """What a repeated run goes on from."""


class Engine(Protocol):
    """Trains."""

    def search(self, train: Rows, contract: Contract, project: Project, files: Files) -> Found:
        """Find the number of rounds, and the calibration, on a part of the training rows; None if not asked for."""
        ...

    def fit(
        self,
        rows: Rows,
        contract: Contract,
        project: Project,
        files: Files,
        *,
        title: str,
        watched: Rows | None = None,
    ) -> Fit:
        """Train ``train.rounds`` rounds under a progress bar with a title."""
        ...


def engine_of(project: Project, settings: Settings) -> Engine:
    """Return the engine of params.yaml.

    Raises:
        InvalidParams: settings of the Dask cluster are missing or wrong.
    """
    if project.params.train.engine == "local":
        return _Local()
    check_settings(settings)
    return _OnCluster(settings)


class _Local:
    def search(self, train: Rows, contract: Contract, project: Project, files: Files) -> Found:
        params = project.params.train
        if params.early_stopping is None:
            return None, None
        divided = divide(train, contract, project, params.early_stopping, folder=files.scratch)
        with progress_bar(FINDING, params.rounds) as advance:
            search = find_rounds(divided, contract, project, advance, checkpoint=files.checkpoints.of("search"))
        return search, fit_platt(search, divided) if params.calibrate else None

    def fit(
        self,
        rows: Rows,
        contract: Contract,
        project: Project,
        files: Files,
        *,
        title: str,
        watched: Rows | None = None,
    ) -> Fit:
        params = project.params.train
        with progress_bar(title, params.rounds) as advance:
            return train_booster(
                rows,
                contract,
                project.schema,
                params,
                advance,
                watched=watched,
                folder=files.scratch,
                checkpoint=files.checkpoints.of("registered" if watched is None else "measured"),
            )


class _OnCluster:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def search(self, train: Rows, contract: Contract, project: Project, files: Files) -> Found:  # noqa: ARG002
        params = project.params.train
        if params.early_stopping is None:
            return None, None
        with progress_bar(FINDING, params.rounds) as advance:
            search, validation = find_rounds_on_cluster(
                train, contract, project, params.early_stopping, advance, self._settings
            )
        if not params.calibrate:
            return search, None
        return search, platt_of(*margins_of(search.booster, search.stopped.rounds, validation, contract))

    def fit(
        self,
        rows: Rows,
        contract: Contract,
        project: Project,
        files: Files,  # noqa: ARG002
        *,
        title: str,
        watched: Rows | None = None,
    ) -> Fit:
        with progress_bar(title, project.params.train.rounds) as advance:
            return train_on_workers(rows, contract, project, advance, self._settings, watched=watched)
