"""Settings from the environment: addresses and keys. What to train is set in params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.errors import InvalidParams

__all__ = ["Settings", "StudySettings", "load_settings"]


class Settings(BaseSettings):
    """Settings of the pipelines. Environment variable = ``PIPELINE_`` + the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="PIPELINE_", frozen=True)

    mlflow_tracking_uri: str = "http://127.0.0.1:5000"
    """URL of the MLflow server."""

    mlflow_retries: int = Field(default=3, ge=0, le=10)
    """How often a failed call to MLflow is retried, with growing pauses."""

    mlflow_timeout_seconds: int = Field(default=15, ge=1, le=300)
    """Timeout of one call to MLflow."""

    signing_key_file: Path | None = None
    """PEM file of the Ed25519 private key that signs models that pass the gate. Only ``register`` needs it."""

    public_key_files: str = ""
    """Comma-separated PEM files of the public keys that a champion may be signed with. Empty: the .pub.pem file next to
    the signing key."""

    remote_url: str = ""
    """DVC remote: a folder, or s3://bucket/prefix. Empty: the remote of .dvc/config."""

    s3_endpoint_url: str = ""
    """URL of an S3 server other than Amazon's."""

    remote_retries: int = Field(default=3, ge=0, le=10)
    """How often a failed transfer is retried, with growing pauses."""

    remote_timeout_seconds: float = Field(default=60, gt=0)
    """How long the data remote, and S3 in batch scoring, may send nothing."""

    remote_min_bytes_per_second: float = Field(default=100_000, gt=0)
    """A transfer that is slower on the whole is given up, and retried."""

    pointer_file: Path | None = None
    """A .dvc pointer that replaces the one in params.yaml, so that data can change without a new image."""

    git_commit: str = ""
    """Commit of the code, if there is no git checkout (in an image)."""

    checkpoint_seconds: float = Field(default=60, ge=0)
    """How often the model is saved while it trains, so that a run that is killed goes on from there. 0: never."""

    checkpoint_folder: Path = Path("pipelines/work/checkpoints")
    """Where it is saved until the stage train has ended; a folder that outlives the run."""

    sort_memory_mib: int = Field(default=1024, ge=256)
    """Memory in MiB for sorting a table by time; what does not fit is kept in files below pipelines/work meanwhile."""

    rollout: Literal["none", "kubernetes"] = "none"
    """How a champion is rolled out. kubernetes: a rolling update of ``deployment``."""

    deployment: str = ""
    """Deployment of the API. Required with ``rollout`` kubernetes, like ``namespace``."""

    namespace: str = ""
    """Namespace of that Deployment."""

    rollout_seconds_per_pod: float = Field(default=60, gt=0)
    """How long a new pod may take to become ready. The time limit of a rollout is the Deployment's
    progressDeadlineSeconds, plus this and minReadySeconds for each group of maxSurge pods."""

    rollout_without_pods: bool = False
    """Promote a version even if the Deployment is scaled to 0, so that no pod proves that it can be served."""

    lease: str = ""
    """Lease (coordination.k8s.io/v1) in ``namespace`` that allows one promotion at a time. Required with ``rollout``
    kubernetes."""

    lock_file: Path = Path(".espalier/promotion.lock")
    """The same for processes on one machine, with ``rollout`` none."""

    lock_wait_seconds: float = Field(default=3600, ge=0)
    """How long a run waits for another promotion."""

    dask_address: str = Field(default="", pattern=r"^((tcp|tls)://\S+:\d+)?$")
    """With ``train.engine: dask``: address of the scheduler, such as tcp://127.0.0.1:8786, or tls://scheduler:8786."""

    dask_ca_file: Path | None = None
    """PEM file of the authority whose certificates scheduler and workers have. Required with tls://, like the next
    two."""

    dask_cert_file: Path | None = None
    """PEM file of a certificate of that authority, which the scheduler asks for."""

    dask_key_file: Path | None = None
    """PEM file of its key."""

    dask_workers: int = Field(default=1, ge=1)
    """For how many workers a training waits. Fewer are enough after ``dask_wait_seconds``."""

    dask_wait_seconds: float = Field(default=60, gt=0)
    """How long a training waits for the scheduler, and for the workers."""

    dask_attempts: int = Field(default=3, ge=1, le=10)
    """How often a training is begun if a worker dies in it."""

    @model_validator(mode="after")
    def _check_dask(self) -> Self:
        files = (self.dask_ca_file, self.dask_cert_file, self.dask_key_file)
        names = "PIPELINE_DASK_CA_FILE, PIPELINE_DASK_CERT_FILE and PIPELINE_DASK_KEY_FILE"
        if self.dask_address.startswith("tls://") and None in files:
            raise ValueError(f"PIPELINE_DASK_ADDRESS with tls:// needs {names}")
        if self.dask_address.startswith("tcp://") and any(files):
            raise ValueError(f"PIPELINE_DASK_ADDRESS with tcp:// is not encrypted: write tls://, or remove {names}")
        return self

    @model_validator(mode="after")
    def _check_rollout(self) -> Self:
        if self.rollout == "kubernetes" and not (self.deployment and self.namespace and self.lease):
            raise ValueError(
                "PIPELINE_ROLLOUT kubernetes needs PIPELINE_DEPLOYMENT, PIPELINE_NAMESPACE and PIPELINE_LEASE"
            )
        return self

    def trusted_key_files(self) -> list[Path]:
        """Return the public keys that verify a champion.

        Raises:
            InvalidParams: PIPELINE_PUBLIC_KEY_FILES is not set, and no .pub.pem file is next to the signing key.
        """
        if self.public_key_files:
            return [Path(part.strip()) for part in self.public_key_files.split(",")]
        if self.signing_key_file is not None:
            beside = self.signing_key_file.with_name(self.signing_key_file.name.replace(".key.pem", ".pub.pem"))
            if beside != self.signing_key_file and beside.exists():
                return [beside]
        raise InvalidParams("PIPELINE_PUBLIC_KEY_FILES is not set, and no .pub.pem file is next to the signing key")


class StudySettings(BaseSettings):
    """Where ``espalier tune`` keeps its studies: not in ``Settings``, which are handed to other processes as text."""

    model_config = SettingsConfigDict(env_prefix="PIPELINE_", frozen=True)

    study_url: SecretStr | None = None
    """SQLAlchemy URL, such as postgresql://user:password@host/studies. Default: a file of this machine. Not MLflow's
    own database: Optuna and MLflow each keep the version of their tables in a table of the same name."""


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        InvalidParams: the message names the variable and the problem.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            (f"PIPELINE_{str(e['loc'][0]).upper()}: " if e["loc"] else "") + e["msg"] for e in error.errors()
        )
        raise InvalidParams(problems) from error
