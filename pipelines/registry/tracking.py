"""The connection to MLflow's tracking server, and the runs of training.

Gives:  runs that always get a final status: finished, failed, or killed.
Raises: Unreachable if it does not answer within the retry budget, RegistryFailure if it rejects a request.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundle import BundleMetrics
from pipelines.config.settings import Settings
from pipelines.errors import DiskFull, RegistryFailure, Unreachable

if TYPE_CHECKING:
    from mlflow.entities import Metric

    from pipelines.model.lineage import Origin

__all__ = ["KEY_TAG", "Tracking", "run_name"]

KEY_TAG = "espalier.key"
"""Tag of runs and versions: equal for the same work (lineage.Origin.key)."""

STALE_SECONDS = 24 * 60 * 60
"""Age at which an open run counts as killed: a Job may take two hours."""

EXISTS = "RESOURCE_ALREADY_EXISTS"
"""MLflow's error code when another client was faster."""

UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
"""MLflow's error code for what was deleted."""

log = logging.getLogger("espalier.pipelines.tracking")


class Tracking:
    """A connection to one MLflow server."""

    def __init__(self, settings: Settings) -> None:
        """Create the client; nothing is sent yet."""
        import mlflow
        from mlflow.environment_variables import (
            MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR,
            MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD,
            MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD,
            MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR,
            MLFLOW_HTTP_REQUEST_MAX_RETRIES,
            MLFLOW_HTTP_REQUEST_TIMEOUT,
            MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT,
        )

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.set(True)
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
        # Artifacts go through MLflow: only MLflow has credentials for its bucket.
        MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD.set(False)
        MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD.set(False)

        # MLflow's default budget is minutes (7 attempts of 120 s), in which a Job would log nothing.
        MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(settings.mlflow_retries)
        MLFLOW_HTTP_REQUEST_TIMEOUT.set(settings.mlflow_timeout_seconds)
        MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.set(1)
        mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
        self._uri = settings.mlflow_tracking_uri
        self._client = mlflow.MlflowClient(tracking_uri=self._uri)

    def check(self) -> None:
        """Send a small request, so that a wrong address fails before the work instead of after it."""
        with self._asking("answer"):
            self._client.search_experiments(max_results=1)

    def start_run(self, experiment: str, origin: Origin, params: Mapping[str, Any], *, stage: str = "train") -> str:
        """Start a run with its parameters and lineage; open runs of killed Jobs are marked as killed."""
        from mlflow.entities import Param, RunTag

        with self._asking("start a run"):
            experiment_id = self._experiment(experiment)
            self._close_left_open(experiment_id, origin.key)
            tags = origin.as_tags() | {"mlflow.source.name": "pipelines", "mlflow.source.type": "JOB"}
            name = run_name(experiment, origin.data_md5, datetime.now(UTC))
            run_id = self._client.create_run(experiment_id, tags=tags, run_name=name).info.run_id
            batch = [Param(name, str(value)) for name, value in params.items()]
            self._client.log_batch(run_id, params=batch, tags=[RunTag("espalier.stage", stage)])
            self._client.log_inputs(run_id, [_dataset(origin)])
            return str(run_id)

    @contextmanager
    def failing(self, run_id: str) -> Iterator[None]:
        """Mark an open run as failed if the block fails, as killed if it is interrupted."""
        try:
            yield
        except Exception:
            self._end(run_id, "FAILED")
            raise
        except BaseException:
            self._end(run_id, "KILLED")
            raise

    def finish_run(self, run_id: str) -> None:
        """Mark a run as finished, whatever status an earlier attempt left."""
        with self._asking("end a run"):
            if self._client.get_run(run_id).info.status != "FINISHED":
                self._client.set_terminated(run_id, "FINISHED")

    def run_params(self, run_id: str) -> dict[str, str]:
        """Return the parameters that were logged for a run; none if it was deleted."""
        from mlflow.exceptions import RestException

        with self._asking("return a run"):
            try:
                return dict(self._client.get_run(run_id).data.params)
            except RestException as error:
                if error.error_code != UNKNOWN:
                    raise
                return {}

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Log single metrics."""
        self._log_batch(run_id, [(name, value, 0) for name, value in metrics.items()])

    def log_curve(self, run_id: str, curves: Mapping[str, Mapping[int, float]]) -> None:
        """Log learning curves: for each name, the value at each measured round."""
        points = [(name, value, step) for name, values in curves.items() for step, value in values.items()]
        self._log_batch(run_id, points)

    def log_evaluation(self, run_id: str, metrics: BundleMetrics, files: Sequence[Path], plots: Path) -> None:
        """Log test metrics, slices as a table, and plots."""
        figures = {**metrics.test.figures, **(metrics.costs.figures if metrics.costs else {})}
        self.log_metrics(run_id, {f"test.{name}": value for name, value in figures.items()})
        names = [name for name, value in metrics.test if not isinstance(value, dict)]
        columns = ["column", "value", *names]
        rows = [[s.column, s.value, *(getattr(s.scores, name) for name in names)] for s in metrics.slices]
        with self._asking("store the evaluation"):
            self._client.log_dict(run_id, {"columns": columns, "data": rows}, "evaluation/slices.json")
            for path in files:
                self._client.log_artifact(run_id, str(path), "evaluation")
            self._client.log_artifacts(run_id, str(plots), "plots")

    def log_folder(self, run_id: str, folder: Path, name: str) -> None:
        """Log the files of a folder."""
        with self._asking("store files"):
            self._client.log_artifacts(run_id, str(folder), name)

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import RestException

        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            try:
                return str(self._client.create_experiment(name))
            except RestException as error:
                if error.error_code != EXISTS:
                    raise
            experiment = self._client.get_experiment_by_name(name)  # a concurrent run created it
        return str(experiment.experiment_id)

    def _close_left_open(self, experiment_id: str, key: str) -> None:
        stale = int((time.time() - STALE_SECONDS) * 1000)
        for which in (f"tags.`{KEY_TAG}` = '{key}'", f"attributes.start_time < {stale}"):
            for run in self._client.search_runs([experiment_id], f"attributes.status = 'RUNNING' and {which}"):
                self._client.set_terminated(run.info.run_id, "KILLED")

    def _end(self, run_id: str, status: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            if self._client.get_run(run_id).info.status == "RUNNING":
                self._client.set_terminated(run_id, status)
        except (MlflowException, OSError) as error:  # the error of the stage is raised, not this one
            log.warning("could not end run %s: %s", run_id, error)

    def _log_batch(self, run_id: str, points: Sequence[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics: list[Metric] = [Metric(name, value, now, step) for name, value, step in points]
        with self._asking("store metrics"):
            for start in range(0, len(metrics), 500):
                self._client.log_batch(run_id, metrics=metrics[start : start + 500])

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        from mlflow.exceptions import MlflowException, RestException

        try:
            yield
        except RestException as error:
            raise RegistryFailure(f"MLflow at {self._uri} refused to {what}: {error.message}") from error
        except (MlflowException, OSError) as error:
            if DiskFull.is_meant_by(error):  # of this machine: a file is written before it is sent
                raise
            text = str(error).strip().splitlines()[0]
            raise Unreachable(
                f"MLflow at {self._uri} did not {what} ({text[:200]}); is it running? Check "
                "PIPELINE_MLFLOW_TRACKING_URI"
            ) from error


def run_name(model: str, data_md5: str, at: datetime) -> str:
    """Return the name of a run in MLflow: model, data, and start time (UTC)."""
    return f"{model} {data_md5[:7]} {at:%Y-%m-%dT%H:%MZ}"


def _dataset(origin: Origin) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"md5": origin.data_md5, "sha256": origin.data_sha256})
    dataset = Dataset(name=origin.data_name, digest=origin.data_md5, source_type="dvc", source=source)
    return DatasetInput(dataset=dataset, tags=[InputTag("mlflow.data.context", "training")])
