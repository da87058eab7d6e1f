"""Every knob of the API."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bundle import ModelName
from bundle.vocabulary import CHAMPION
from services.api.errors import StartupFailed

__all__ = ["HASH_MEMORY_KIB", "HASH_PASSES", "Settings", "load_settings"]


def _split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _split_text(value: object) -> object:
    return _split(value) if isinstance(value, str) else value


def _check_proxies(value: str) -> str:
    for part in _split(value):
        try:
            if ip_network(part).prefixlen:
                continue
        except ValueError:
            pass
        raise ValueError(f"{part!r} is no address or network of proxies to trust, such as 10.20.30.40 or 10.20.30.0/28")
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_text)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_split_text)]

MIN_MEMORY_KIB = {1: 47104, 2: 19456, 3: 12288}
"""Least Argon2id memory for each number of passes. Source: OWASP ASVS 5.0, appendix C."""

HASH_PASSES, HASH_MEMORY_KIB = 3, 32 * 1024
"""What passwords are hashed with unless the settings say otherwise; as the command line, which has none, does."""


class Settings(BaseSettings):
    """Environment name = ``API_`` + the field in capitals. Lists have commas between their items."""

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
    """Internal port at which other pods get the served bundle, and at which they are asked for theirs. 0: none."""

    metrics_dir: Path | None = None
    """Folder through which workers share counters; wiped at the start. Empty: a new temporary one."""

    workers: int = Field(default=1, ge=1, le=64)
    """Processes that answer. As many as there are whole cores."""

    tls_cert_file: Path | None = None
    """PEM chain. With ``tls_key_file`` the API speaks HTTPS itself; without, an ingress does."""

    tls_key_file: Path | None = None
    """PEM key of the certificate."""

    allowed_hosts: Names = ("localhost", "127.0.0.1")
    """Host names that requests may ask for; probes may ask for any. ``*`` allows all."""

    forwarded_allow_ips: Annotated[str, AfterValidator(_check_proxies)] = "127.0.0.1"
    """Addresses or networks of the proxies whose X-Forwarded-For is believed, from its right end to the first address
    that is none of them. Not ``*``: then the left end would count, which is the client's to write."""

    database_url: str = "sqlite:///.espalier/users.db"
    """SQLAlchemy URL of the users."""

    database_url_file: Path | None = None
    """File that holds it instead, since it has a password in it."""

    database_wait_seconds: float = Field(default=0, ge=0, le=600)
    """How long a start waits for a database that does not answer."""

    jwt_signing_key_file: Path
    """PEM file of the Ed25519 key that signs access tokens. No default: without it the API does not start."""

    jwt_extra_verification_key_files: Paths = ()
    """Public keys that are accepted beside the signing key's, while keys are being changed."""

    jwt_issuer: str = "espalier"
    """``iss`` of every token."""

    jwt_audience: str = "espalier-api"
    """``aud`` of every token."""

    access_token_seconds: int = Field(default=900, ge=60, le=900)
    """Life of an access token."""

    mlflow_tracking_uri: str
    """The MLflow server that holds the registry."""

    registry_retries: int = Field(default=2, ge=0, le=5)
    """How often a failed call to the registry is made again before the last good bundle is used, or the start fails."""

    registry_timeout_seconds: int = Field(default=5, ge=1, le=60)
    """How long one call to the registry may take."""

    model_name: ModelName
    """Registered name."""

    model_alias: str = CHAMPION
    """Alias that is served."""

    model_version: str = Field(default="", pattern=r"^([1-9][0-9]{0,9})?$")
    """Version that is served instead of the alias's: what the Deployment's annotation says."""

    wait_for_model: bool = True
    """Whether a start waits, alive and not ready, until a first version has passed the gate. False: it fails."""

    wait_for_registry: bool = False
    """Whether it waits likewise for a registry that does not answer, where no good bundle is at hand."""

    model_public_key_files: Paths = Field(min_length=1)
    """PEM files of the keys whose bundles are trusted."""

    model_cache_dir: Path = Path(".espalier/cache")
    """Where verified bundles are kept, to start from when the registry is unavailable."""

    peer_host: str = ""
    """Name whose addresses are the other pods of the API: at ``peer_port``, one gives the last good bundle where the
    registry is unavailable and none is kept."""

    model_max_bytes: int = Field(default=256 * 2**20, ge=1)
    """Size limit of a bundle."""

    max_rows: int = Field(default=1000, ge=1, le=100_000)
    """Rows in one request."""

    max_explain_rows: int = Field(default=100, ge=1)
    """Rows in one request that asks for explanations, which cost a hundred times as much."""

    feedback_days: int = Field(default=90, ge=1, le=730)
    """How long after a prediction its feedback is taken."""

    feedback_rows_per_hour: int = Field(default=10_000, ge=1)
    """Rows of feedback that are counted for one user in an hour."""

    feedback_senders: Names = ()
    """Users who may send feedback on anybody's predictions, such as the job that joins them with the truth; everybody
    else on their own."""

    feedback_old_key_files: Paths = ()
    """PEM files of earlier signing keys: feedback on what was predicted under them is taken, while they are listed."""

    max_body_bytes: int = Field(default=2 * 2**20, ge=1024)
    """Bytes in one request."""

    body_timeout_seconds: float = Field(default=10, gt=0)
    """How long a client may take to send a request."""

    batch_concurrency: int = Field(default=2, ge=1, le=32)
    """Requests with many rows, or explanations, that one worker predicts at a time."""

    max_waiting_batches: int = Field(default=16, ge=0, le=1000)
    """How many more of them may wait; the others are answered 503."""

    small_body_bytes: int = Field(default=16 * 1024, ge=1024)
    """Bytes in one request that brings no rows: a login, a user. Never more than ``max_body_bytes``."""

    max_head_bytes: int = Field(default=16 * 1024, ge=1024, le=2**20)
    """Bytes of a request's line and headers."""

    max_head_fields: int = Field(default=100, ge=10, le=10_000)
    """Headers in one request."""

    head_timeout_seconds: float = Field(default=10, ge=1)
    """How long a client may take for a TLS handshake, and again for the head of a request."""

    max_connections: int = Field(default=1000, ge=1)
    """Connections that one worker holds; more are answered 503, probes excepted."""

    max_connections_per_client: int = Field(default=500, ge=1)
    """Connections that one worker holds from one address (IPv6: one /64 network). Those of ``forwarded_allow_ips`` are
    bounded by ``max_connections`` alone: a proxy brings everybody's."""

    request_timeout_seconds: float = Field(default=20, gt=0)
    """How long a request may take in all before it is given up."""

    hash_passes: int = Field(default=HASH_PASSES, ge=1)
    """Argon2id time cost."""

    hash_memory_kib: int = Field(default=HASH_MEMORY_KIB, ge=12288)
    """Argon2id memory cost. Times ``hash_concurrency`` it must fit the memory limit of a worker."""

    hash_concurrency: int = Field(default=4, ge=1)
    """Passwords hashed at a time in one worker; more are asked to come again."""

    dependency_check_interval_seconds: float = Field(default=30, ge=1, le=3600)
    """How often the registry and the database are asked whether they answer, for the metrics alone."""

    dependency_check_jitter_seconds: float = Field(default=5, ge=0, le=600)
    """At most so much is added to each interval by chance, so that pods do not ask at once."""

    dependency_check_timeout_seconds: int = Field(default=5, ge=1, le=30)
    """How long each of these questions may take."""

    model_age_limit_days: float = Field(default=45, ge=0)
    """How old the served model may become before an alert says so; 0 for no limit. It is served on."""

    data_age_limit_days: float = Field(default=0, ge=0)
    """How far back the newest of its data may lie before an alert says so; 0 for no limit."""

    otlp_endpoint: str = Field(default="", pattern=r"^(https?://[^/?#]+(/[^?#]*)?)?$")
    """Address of an OpenTelemetry collector (OTLP over HTTP, usually port 4318). Empty: nothing is traced."""

    trace_sample_ratio: float = Field(default=0.1, ge=0, le=1)
    """Share of the requests that are traced; one that comes with a trace follows what was decided for that."""

    docs_enabled: bool = False
    """Whether /docs and /openapi.json are served."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity that is logged."""

    graceful_seconds: int = Field(default=30, ge=1)
    """How long a request may still take after SIGTERM: at least as long as any may take."""

    drain_seconds: float = Field(default=0, ge=0, le=60)
    """How long requests are served as before after SIGTERM, so that load balancers can learn of it."""

    keep_alive_seconds: int = Field(default=95, ge=1)
    """How long an idle connection stays open: longer than the proxy in front keeps it (nginx 60 s, Traefik 90 s), so
    that no request is sent into a closing connection."""

    @model_validator(mode="before")
    @classmethod
    def _read_database_url(cls, given: dict[str, object]) -> dict[str, object]:
        file = given.get("database_url_file")
        if not file:
            return given
        if "database_url" in given:
            raise ValueError("API_DATABASE_URL and API_DATABASE_URL_FILE exclude each other")
        return {**given, "database_url": _first_line(Path(str(file)))}

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("API_TLS_CERT_FILE and API_TLS_KEY_FILE go together")
        if not self.body_timeout_seconds < self.request_timeout_seconds <= self.graceful_seconds:
            raise ValueError("API_BODY_TIMEOUT_SECONDS < API_REQUEST_TIMEOUT_SECONDS <= API_GRACEFUL_SECONDS must hold")
        if self.peer_host and not self.peer_port:
            raise ValueError("API_PEER_HOST needs API_PEER_PORT")
        ports = (self.port, self.metrics_port, self.peer_port)
        if len(set(ports)) < len(ports):
            raise ValueError("API_PORT, API_METRICS_PORT and API_PEER_PORT must differ")
        least = MIN_MEMORY_KIB[min(self.hash_passes, 3)]
        if self.hash_memory_kib < least:
            raise ValueError(f"API_HASH_MEMORY_KIB must be at least {least} with {self.hash_passes} pass(es)")
        return self


def _first_line(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"API_DATABASE_URL_FILE: {path} cannot be read ({type(error).__name__})") from None
    if not text or "\n" in text:
        raise ValueError(f"API_DATABASE_URL_FILE: {path} has to hold one line, the URL")
    return text


def load_settings() -> Settings:
    """Read the environment.

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
