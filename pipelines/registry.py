"""MLflow: runs and registered versions. The only module that talks to it.

Gives:  plain facts (``Version``, aliases, a bundle's files), so that no caller sees MLflow's types.
Raises: Unreachable when it does not answer within the retry budget, RegistryFailure when it refuses.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espalier.bundle import BUNDLE_FILES, BundleMetrics
from pipelines.errors import RegistryFailure, Unreachable
from pipelines.settings import Settings

if TYPE_CHECKING:
    from mlflow.entities import Metric

    from pipelines.lineage import Origin

__all__ = ["BUNDLE_FOLDER", "Registry", "Version"]

BUNDLE_FOLDER = "bundle"
"""Artifact folder of a run that holds the bundle, and that the registered version points to."""

VERDICT = "gate.json"
KEY_TAG = "espalier.key"


@dataclass(frozen=True)
class Version:
    """One registered version."""

    name: str
    number: str
    run_id: str
    created: float
    """Seconds since 1970."""

    tags: Mapping[str, str]
    aliases: tuple[str, ...]


class Registry:
    """A connection to one MLflow server."""

    def __init__(self, settings: Settings) -> None:
        """Prepare the client; nothing is sent yet."""
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
        # Artifacts go through MLflow, which alone has a key to its bucket.
        MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD.set(False)
        MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD.set(False)

        # MLflow's own budget is minutes (7 tries of 120 s); a Job that waits that long says nothing to anybody.
        MLFLOW_HTTP_REQUEST_MAX_RETRIES.set(settings.mlflow_retries)
        MLFLOW_HTTP_REQUEST_TIMEOUT.set(settings.mlflow_timeout_seconds)
        MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR.set(1)
        mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
        self._uri = settings.mlflow_tracking_uri
        self._client = mlflow.MlflowClient(tracking_uri=self._uri)

    def check(self) -> None:
        """Ask something small, so that a wrong address is said before the work and not after it."""
        with self._asking("answer"):
            self._client.search_experiments(max_results=1)

    # --- runs -------------------------------------------------------------------------------------------------------

    def start_run(self, experiment: str, origin: Origin, params: Mapping[str, Any]) -> str:
        """Begin a run with its parameters and lineage; runs that a killed Job left open are closed as killed."""
        from mlflow.entities import Param, RunTag

        with self._asking("start a run"):
            found = self._client.get_experiment_by_name(experiment)
            experiment_id = found.experiment_id if found else self._client.create_experiment(experiment)
            left_open = f"attributes.status = 'RUNNING' and tags.`{KEY_TAG}` = '{origin.key}'"
            for run in self._client.search_runs([experiment_id], left_open):
                self._client.set_terminated(run.info.run_id, "KILLED")
            tags = origin.as_tags() | {"mlflow.source.name": "pipelines", "mlflow.source.type": "JOB"}
            run_id = self._client.create_run(experiment_id, tags=tags).info.run_id
            batch = [Param(name, str(value)) for name, value in params.items()]
            self._client.log_batch(run_id, params=batch, tags=[RunTag("espalier.stage", "train")])
            self._client.log_inputs(run_id, [_dataset(origin)])
            return str(run_id)

    @contextmanager
    def failing(self, run_id: str) -> Iterator[None]:
        """Mark the run as failed when what is done inside fails."""
        try:
            yield
        except BaseException:
            self._client.set_terminated(run_id, "FAILED")
            raise

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Record single numbers."""
        self._log_batch(run_id, [(name, value, 0) for name, value in metrics.items()])

    def log_curve(self, run_id: str, curves: Mapping[str, Mapping[int, float]]) -> None:
        """Record learning curves: by name, the value of each round that was measured."""
        points = [(name, value, step) for name, values in curves.items() for step, value in values.items()]
        self._log_batch(run_id, points)

    def log_evaluation(self, run_id: str, metrics: BundleMetrics, files: Sequence[Path], plots: Path) -> None:
        """Record test metrics, slices as a table, and the pictures."""
        scores = metrics.test.model_dump(exclude_none=True)
        self.log_metrics(run_id, {f"test.{name}": float(value) for name, value in scores.items()})
        columns = ["column", "value", *type(metrics.test).model_fields]
        rows = [[s.column, s.value, *s.scores.model_dump().values()] for s in metrics.slices]
        with self._asking("take the evaluation"):
            self._client.log_dict(run_id, {"columns": columns, "data": rows}, "evaluation/slices.json")
            for path in files:
                self._client.log_artifact(run_id, str(path), "evaluation")
            self._client.log_artifacts(run_id, str(plots), "plots")

    def log_bundle(self, run_id: str, folder: Path, verdict: Mapping[str, Any]) -> None:
        """Store the bundle and the gate's verdict, and end the run."""
        with self._asking("take the bundle"):
            self._client.log_dict(run_id, dict(verdict), VERDICT)
            self._client.log_artifacts(run_id, str(folder), BUNDLE_FOLDER)
            self._client.set_terminated(run_id, "FINISHED")

    # --- versions ---------------------------------------------------------------------------------------------------

    def find_version(self, name: str, key: str) -> Version | None:
        """Return the version that an earlier run of the same work registered."""
        return next((version for version in self.versions(name) if version.tags.get(KEY_TAG) == key), None)

    def versions(self, name: str) -> list[Version]:
        """Every version, newest first; none where the name is not registered."""
        with self._asking("list versions"):
            aliases = self._aliases(name)
            found = self._client.search_model_versions(f"name = '{name}'")
        versions = [_to_version(version, aliases) for version in found]
        return sorted(versions, key=lambda version: int(version.number), reverse=True)

    def version(self, name: str, number: str) -> Version:
        """Return one version.

        Raises:
            RegistryFailure: there is none of this number.
        """
        found = next((version for version in self.versions(name) if version.number == number), None)
        if found is None:
            raise RegistryFailure(f"{name} has no version {number}; list them with: espalier models")
        return found

    def create_version(
        self, name: str, *, run_id: str, description: str, tags: Mapping[str, str], version_description: str
    ) -> Version:
        """Register the bundle of a run; the name is made, or its description brought up to date."""
        with self._asking("register a version"):
            if not self._client.search_registered_models(f"name = '{name}'"):
                self._client.create_registered_model(name, description=description)
            self._client.update_registered_model(name, description=description)
            source = f"{self._client.get_run(run_id).info.artifact_uri}/{BUNDLE_FOLDER}"
            made = self._client.create_model_version(
                name, source, run_id, tags=dict(tags), description=version_description
            )
        return self.version(name, str(made.version))

    def tag_version(self, version: Version, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with self._asking("set a tag"):
            for key, value in tags.items():
                self._client.set_model_version_tag(version.name, version.number, key, value)

    def version_of(self, name: str, alias: str) -> str | None:
        """Return the number of the version that an alias points to."""
        with self._asking("resolve an alias"):
            return self._aliases(name).get(alias)

    def set_alias(self, name: str, alias: str, number: str) -> None:
        """Point an alias to a version."""
        with self._asking("move an alias"):
            self._client.set_registered_model_alias(name, alias, number)

    def remove_alias(self, name: str, alias: str) -> None:
        """Take an alias away; it may be absent."""
        with self._asking("remove an alias"):
            if alias in self._aliases(name):
                self._client.delete_registered_model_alias(name, alias)

    def download_bundle(self, version: Version, folder: Path) -> Path:
        """Bring the six files, and only those, of a version's bundle to ``folder``."""
        from mlflow.artifacts import download_artifacts

        with self._asking("give the bundle"):
            source = self._client.get_model_version_download_uri(version.name, version.number)
            for name in BUNDLE_FILES:
                download_artifacts(artifact_uri=f"{source}/{name}", dst_path=str(folder), tracking_uri=self._uri)
        return folder

    def read_verdict(self, version: Version) -> dict[str, Any]:
        """Return what the gate said of a version, as ``log_bundle`` kept it."""
        from mlflow.artifacts import download_artifacts

        with self._asking("give the verdict"), tempfile.TemporaryDirectory() as folder:
            path = download_artifacts(
                run_id=version.run_id, artifact_path=VERDICT, dst_path=folder, tracking_uri=self._uri
            )
            return dict(json.loads(Path(path).read_text()))

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _aliases(self, name: str) -> dict[str, str]:
        found = self._client.search_registered_models(f"name = '{name}'")
        return {alias: str(number) for alias, number in found[0].aliases.items()} if found else {}

    def _log_batch(self, run_id: str, points: Sequence[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics: list[Metric] = [Metric(name, value, now, step) for name, value, step in points]
        with self._asking("take metrics"):
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
            text = str(error).strip().splitlines()[0]
            raise Unreachable(
                f"MLflow at {self._uri} did not {what} ({text[:200]}); is it running? PIPELINE_MLFLOW_TRACKING_URI "
                "says where it is looked for"
            ) from error


def _to_version(found: Any, aliases: Mapping[str, str]) -> Version:
    number = str(found.version)
    return Version(
        name=found.name,
        number=number,
        run_id=found.run_id or "",
        created=found.creation_timestamp / 1000,
        tags=dict(found.tags),
        aliases=tuple(sorted(alias for alias, target in aliases.items() if target == number)),
    )


def _dataset(origin: Origin) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"md5": origin.data_md5, "sha256": origin.data_sha256})
    dataset = Dataset(name=origin.data_name, digest=origin.data_md5, source_type="dvc", source=source)
    return DatasetInput(dataset=dataset, tags=[InputTag("mlflow.data.context", "training")])
