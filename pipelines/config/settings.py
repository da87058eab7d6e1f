"""What the environment tells a stage: where things are and which keys to use. What to train stands in params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipelines.errors import InvalidParams

__all__ = ["Settings", "load_settings"]


class Settings(BaseSettings):
    """Every knob of the pipelines. Environment name = ``PIPELINE_`` + the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="PIPELINE_", frozen=True)

    mlflow_tracking_uri: str = "http://127.0.0.1:5000"
    """The MLflow server with the runs and the registry."""

    mlflow_retries: int = Field(default=3, ge=0, le=10)
    """How often a failed call to MLflow is made again, with growing pauses, before the stage gives up."""

    mlflow_timeout_seconds: int = Field(default=15, ge=1, le=300)
    """How long one call to MLflow may take."""

    signing_key_file: Path | None = None
    """PEM file of the Ed25519 private key that signs models that pass the gate. Only ``register`` needs it."""

    public_key_files: str = ""
    """PEM files of the keys whose models may be the champion to compare with, with commas between them. Empty: the
    .pub.pem file beside the signing key."""

    remote_url: str = ""
    """DVC remote: a folder, or s3://bucket/prefix. Empty: what .dvc/config says."""

    s3_endpoint_url: str = ""
    """Address of an S3 server that is not Amazon's."""

    remote_retries: int = Field(default=3, ge=0, le=10)
    """How often a failed transfer is tried again, with growing pauses, before the stage gives up."""

    pointer_file: Path | None = None
    """A .dvc pointer to use instead of the one in params.yaml, so that data can change without a new image."""

    git_commit: str = ""
    """Commit of the code, where there is no git checkout to ask (in an image)."""

    rollout: Literal["none", "kubernetes"] = "none"
    """What brings a champion into service. kubernetes: the pods of ``deployment`` are replaced, one after another."""

    deployment: str = ""
    """Deployment of the API. Needed with ``rollout`` kubernetes, like ``namespace``."""

    namespace: str = ""
    """Namespace of that Deployment."""

    rollout_seconds_per_pod: float = Field(default=60, gt=0)
    """How long a new pod may take to become ready. The limit of a whole rollout is the Deployment's
    progressDeadlineSeconds, and for each group of maxSurge pods this and minReadySeconds."""

    rollout_without_pods: bool = False
    """Promote a version even where the Deployment is scaled to 0, so that no pod has proven that it can be served."""

    lease: str = ""
    """Lease (coordination.k8s.io/v1) in ``namespace`` that lets one promotion run at a time. Needed with ``rollout``
    kubernetes."""

    lock_file: Path = Path(".espalier/promotion.lock")
    """The same for processes of one machine, with ``rollout`` none."""

    lock_wait_seconds: float = Field(default=3600, ge=0)
    """How long a run waits for another promotion to end."""

    @model_validator(mode="after")
    def _check_rollout(self) -> Self:
        if self.rollout == "kubernetes" and not (self.deployment and self.namespace and self.lease):
            raise ValueError(
                "PIPELINE_ROLLOUT kubernetes needs PIPELINE_DEPLOYMENT, PIPELINE_NAMESPACE and PIPELINE_LEASE"
            )
        return self

    def trusted_key_files(self) -> list[Path]:
        """The public keys to verify a champion with.

        Raises:
            InvalidParams: neither PIPELINE_PUBLIC_KEY_FILES nor a .pub.pem file beside the signing key.
        """
        if self.public_key_files:
            return [Path(part.strip()) for part in self.public_key_files.split(",")]
        if self.signing_key_file is not None:
            beside = self.signing_key_file.with_name(self.signing_key_file.name.replace(".key.pem", ".pub.pem"))
            if beside != self.signing_key_file and beside.exists():
                return [beside]
        raise InvalidParams("PIPELINE_PUBLIC_KEY_FILES is not set, and no .pub.pem file lies beside the signing key")


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        InvalidParams: names the variable and what is wrong with it.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            (f"PIPELINE_{str(e['loc'][0]).upper()}: " if e["loc"] else "") + e["msg"] for e in error.errors()
        )
        raise InvalidParams(problems) from error
