"""Every setting of the API."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bundle import ModelName
from bundle.vocabulary import CHAMPION
from services.api.errors import StartupFailed
from services.api.setting_types import Names, Paths, Proxies

__all__ = ["HASH_MEMORY_KIB", "HASH_PASSES", "Settings", "load_settings"]


MIN_MEMORY_KIB = {1: 47104, 2: 19456, 3: 12288}
"""Minimum Argon2id memory for each number of passes. Source: OWASP ASVS 5.0, appendix C."""

HASH_PASSES, HASH_MEMORY_KIB = 3, 32 * 1024
"""Default Argon2id parameters, which the command line uses too."""


class Settings(BaseSettings):
    """Environment name = ``API_`` + the field in capitals. Lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="API_", frozen=True, protected_namespaces=())

    host: str = "127.0.0.1"
    """Address to listen on. In a container: 0.0.0.0."""

    port: int = Field(default=8000, ge=1, le=65535)
    """Port of the API."""

    metrics_host: str = "127.0.0.1"
    """Address that the internal ports listen on."""

    metrics_port: int = Field(default=9090, ge=1, le=65535)
    """Internal port of the metrics, which is never published."""

    peer_port: int = Field(default=0, ge=0, le=65535)
    """Internal port on which pods of the API serve their bundle to each other. 0: none."""

    workers: int = Field(default=1, ge=1, le=64)
    """Worker processes. As many as there are whole cores."""

    tls_cert_file: Path | None = None
    """PEM chain. With ``tls_key_file`` the API terminates TLS itself; without, an ingress does."""

    tls_key_file: Path | None = None
    """PEM key of the certificate."""

    allowed_hosts: Names = ("localhost", "127.0.0.1")
    """Host names that are accepted; probes may use any. ``*`` accepts all."""

    forwarded_allow_ips: Proxies = "127.0.0.1"
    """Addresses or networks of the proxies whose X-Forwarded-For is trusted, from the right to the first address
    that is not one of them. ``*`` is not allowed: then the leftmost address would count, which the client can forge."""

    database_url: str = "sqlite:///.espalier/users.db"
    """SQLAlchemy URL of the users' database."""

    database_url_file: Path | None = None
    """File that contains the URL instead, because the URL contains a password."""

    database_wait_seconds: float = Field(default=0, ge=0, le=600)
    """How long a start waits for a database that does not answer."""

    jwt_signing_key_file: Path
    """PEM file of the Ed25519 key that signs access tokens. Required."""

    jwt_extra_verification_key_files: Paths = ()
    """Public keys that are accepted in addition to the signing key's, during a key rotation."""

    jwt_issuer: str = "espalier"
    """``iss`` of every token."""

    jwt_audience: str = "espalier-api"
    """``aud`` of every token."""

    access_token_seconds: int = Field(default=900, ge=60, le=900)
    """Lifetime of an access token."""

    session_idle_seconds: int = Field(default=86_400, ge=60, le=90 * 86_400)
    """Lifetime of a refresh token: a session that is not continued for so long ends."""

    session_max_seconds: int = Field(default=7 * 86_400, ge=60, le=365 * 86_400)
    """Lifetime of a session, after which its user has to log in again."""

    mlflow_tracking_uri: str
    """The MLflow server that holds the registry."""

    registry_retries: int = Field(default=2, ge=0, le=5)
    """Retries of a failed call to the registry before the last verified bundle is used, or the start fails."""

    registry_timeout_seconds: int = Field(default=5, ge=1, le=60)
    """How long one call to the registry may take."""

    model_name: ModelName
    """Registered name of the model."""

    model_alias: str = CHAMPION
    """Alias whose version is served."""

    model_version: str = Field(default="", pattern=r"^([1-9][0-9]{0,9})?$")
    """Version that is served instead of the alias's. The chart sets it from the Deployment's annotation."""

    wait_for_model: bool = True
    """Whether a start waits, alive but not ready, until a first version has passed the gate. False: the start fails."""

    wait_for_registry: bool = False
    """Whether a start also waits for a registry that does not answer, if no verified bundle is available."""

    model_public_key_files: Paths = Field(min_length=1)
    """PEM files of the public keys whose bundles are trusted."""

    model_cache_dir: Path = Path(".espalier/cache")
    """Folder of verified bundles, used when the registry is unavailable."""

    peer_host: str = ""
    """DNS name of the other pods: one of them provides the last verified bundle if neither registry nor cache can."""

    model_max_bytes: int = Field(default=256 * 2**20, ge=1)
    """Size limit of a bundle."""

    max_rows: int = Field(default=1000, ge=1, le=100_000)
    """Maximum rows in one request with rows in JSON, or with feedback."""

    max_columnar_rows: int = Field(default=100_000, ge=1, le=10_000_000)
    """Maximum rows in one request with columns: an Arrow stream, a Parquet file, or columns in JSON."""

    max_explain_rows: int = Field(default=100, ge=1)
    """Maximum rows in one request with explanations, which cost a hundred times as much."""

    quota_rows_per_minute: int = Field(default=0, ge=0, le=100_000_000)
    """Rows a minute that one pod predicts for each user; each worker has an equal share. 0: no quota."""

    quota_burst_rows: int = Field(default=0, ge=0, le=100_000_000)
    """Rows of this quota that a user may have at once, after a pause. 0: as many as in a minute."""

    feedback_days: int = Field(default=90, ge=1, le=730)
    """How long after a prediction feedback on it is accepted."""

    feedback_rows_per_hour: int = Field(default=10_000, ge=1)
    """Maximum rows of feedback from one user in an hour."""

    feedback_senders: Names = ()
    """Users who may send feedback on every user's predictions, such as a job that joins predictions with the truth. All
    other users may send it on their own predictions only."""

    feedback_old_key_files: Paths = ()
    """PEM files of earlier signing keys. Feedback on predictions made with them is accepted while they are listed."""

    max_body_bytes: int = Field(default=2 * 2**20, ge=1024)
    """Maximum bytes in one request without columns."""

    max_columnar_body_bytes: int = Field(default=32 * 2**20, ge=1024)
    """Maximum bytes in one request with columns; never less than ``max_body_bytes``. A process that decodes a Parquet
    file may take 192 MiB of memory and twice as much as this; each worker has one at a time."""

    body_timeout_seconds: float = Field(default=10, gt=0)
    """How long a client may take to send the body of a request."""

    batch_concurrency: int = Field(default=2, ge=1, le=32)
    """Requests with many rows, or with explanations, that one worker processes at a time."""

    max_waiting_batches: int = Field(default=16, ge=0, le=1000)
    """How many more of them may wait; the others get a 503."""

    max_batch_wait_seconds: float = Field(default=2, gt=0)
    """How long they may have to wait, as measured; if it would be longer, the others get a 503."""

    max_wait_seconds: float = Field(default=0.25, gt=0)
    """How long a prediction of few rows may have waited for earlier requests when it is read; then it gets a 503.
    Requests with at most 4 KiB may wait twice as long."""

    small_body_bytes: int = Field(default=16 * 1024, ge=1024)
    """Maximum bytes in one request without rows, such as a login. Never more than ``max_body_bytes``."""

    max_head_bytes: int = Field(default=16 * 1024, ge=1024, le=2**20)
    """Maximum bytes of the request line and headers."""

    max_head_fields: int = Field(default=100, ge=10, le=10_000)
    """Maximum number of headers in one request."""

    head_timeout_seconds: float = Field(default=10, ge=1)
    """How long a client may take for a TLS handshake, and again for the request line and headers."""

    max_connections: int = Field(default=1000, ge=1)
    """Maximum connections of one worker; more get a 503, except probes."""

    max_connections_per_client: int = Field(default=500, ge=1)
    """Maximum connections of one worker from one address (IPv6: one /64 network). Proxies in ``forwarded_allow_ips``
    are limited by ``max_connections`` only, because they carry the connections of all clients."""

    request_timeout_seconds: float = Field(default=20, gt=0)
    """How long a request may take in total before it is aborted."""

    hash_passes: int = Field(default=HASH_PASSES, ge=1)
    """Argon2id time cost."""

    hash_memory_kib: int = Field(default=HASH_MEMORY_KIB, ge=12288)
    """Argon2id memory cost. Times ``hash_concurrency`` it must fit the memory limit of a worker."""

    hash_concurrency: int = Field(default=4, ge=1)
    """Passwords hashed at a time in one worker; more get a 503."""

    dependency_check_interval_seconds: float = Field(default=30, ge=1, le=3600)
    """How often the registry and the database are checked, for the metrics only."""

    dependency_check_jitter_seconds: float = Field(default=5, ge=0, le=600)
    """Maximum random addition to each interval, so that pods do not check at the same time."""

    dependency_check_timeout_seconds: int = Field(default=5, ge=1, le=30)
    """Timeout of each of these checks."""

    model_age_limit_days: float = Field(default=45, ge=0)
    """Age of the served model above which an alert fires; 0 for no limit. The model is still served."""

    data_age_limit_days: float = Field(default=0, ge=0)
    """Age of the model's newest data above which an alert fires; 0 for no limit."""

    otlp_endpoint: str = Field(default="", pattern=r"^(https?://[^/?#]+(/[^?#]*)?)?$")
    """Address of an OpenTelemetry collector (OTLP over HTTP, usually port 4318). Empty: nothing is traced."""

    trace_sample_ratio: float = Field(default=0.1, ge=0, le=1)
    """Share of the requests that are traced. A request with a trace context follows the decision in it."""

    docs_enabled: bool = False
    """Whether /docs and /openapi.json are served."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Minimum severity that is logged."""

    graceful_seconds: int = Field(default=30, ge=1)
    """How long a request may still take after SIGTERM: at least ``request_timeout_seconds``."""

    drain_seconds: float = Field(default=0, ge=0, le=60)
    """How long new requests are still served after SIGTERM, until load balancers have removed the pod."""

    keep_alive_seconds: int = Field(default=95, ge=1)
    """How long an idle connection stays open: longer than in the proxy in front (nginx 60 s, Traefik 90 s)."""

    @model_validator(mode="before")
    @classmethod
    def _read_database_url(cls, values: dict[str, object]) -> dict[str, object]:
        file = values.get("database_url_file")
        if not file:
            return values
        if "database_url" in values:
            raise ValueError("set only one of API_DATABASE_URL and API_DATABASE_URL_FILE")
        return {**values, "database_url": _first_line(Path(str(file)))}

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("set both API_TLS_CERT_FILE and API_TLS_KEY_FILE, or neither")
        if not self.body_timeout_seconds < self.request_timeout_seconds <= self.graceful_seconds:
            raise ValueError("API_BODY_TIMEOUT_SECONDS < API_REQUEST_TIMEOUT_SECONDS <= API_GRACEFUL_SECONDS must hold")
        if any(0 < rows < self.workers for rows in (self.quota_rows_per_minute, self.quota_burst_rows)):
            raise ValueError("API_QUOTA_ROWS_PER_MINUTE and API_QUOTA_BURST_ROWS must be 0, or API_WORKERS or more")
        if self.peer_host and not self.peer_port:
            raise ValueError("API_PEER_HOST requires API_PEER_PORT")
        ports = (self.port, self.metrics_port, self.peer_port)
        if len(set(ports)) < len(ports):
            raise ValueError("API_PORT, API_METRICS_PORT and API_PEER_PORT must be different")
        minimum = MIN_MEMORY_KIB[min(self.hash_passes, 3)]
        if self.hash_memory_kib < minimum:
            raise ValueError(f"API_HASH_MEMORY_KIB must be at least {minimum} with {self.hash_passes} pass(es)")
        return self


def _first_line(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"API_DATABASE_URL_FILE: cannot read {path} ({type(error).__name__})") from None
    if not text or "\n" in text:
        raise ValueError(f"API_DATABASE_URL_FILE: {path} must contain exactly one line, the URL")
    return text


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        StartupFailed: names each variable that is missing or wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = []
        for problem in error.errors(include_input=False, include_url=False):
            name = f"API_{str(problem['loc'][0]).upper()}: " if problem["loc"] else ""
            problems.append(f"{name}{problem['msg']}")
        raise StartupFailed("; ".join(problems)) from error
