"""The API in one process, with a real model, real keys and a real database."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from bundle import load_private_key
from services.api.app import create_app
from services.api.auth.passwords.hashing import Passwords
from services.api.auth.tokens.access_tokens import TokenIssuer
from services.api.auth.users import SqlUserStore
from services.api.database.engine import migrate, open_engine
from services.api.keys import load_keys
from services.api.model.loaded import Model, load_model
from services.api.model.source import ServedBundle
from services.api.prediction.targets.chosen import choose_target
from services.api.prediction.targets.target import ServedTarget
from services.api.settings import Settings
from services.api.startup import requested_model
from tests.services.api.postgres import is_installed, running_postgres

PASSWORD = "grafted quince under snow"
SCOPES = ("predict", "model:read", "feedback:write", "users:admin")


@pytest.fixture
def make_settings(keys, tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: Any) -> Settings:
        values: dict[str, Any] = {
            "jwt_signing_key_file": keys.private,
            "model_public_key_files": (keys.public,),
            "mlflow_tracking_uri": "http://127.0.0.1:1",
            "model_name": "orchard",
            "model_cache_dir": tmp_path / "cache",
            "database_url": f"sqlite:///{tmp_path}/users.db",
            "hash_memory_kib": 12288,
            "docs_enabled": True,
            "allowed_hosts": ("testserver",),
            "registry_retries": 0,
        }
        return Settings(**(values | changes))

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


@pytest.fixture
def target_type() -> str:
    """The type of the model: one of ``small_models.TYPES``, by ``parametrize``."""
    return "binary"


@pytest.fixture
def served(make_bundle, tmp_path: Path, target_type: str) -> ServedBundle:
    return ServedBundle("orchard", "7", make_bundle(tmp_path / "served", kind=target_type), "registry")


@pytest.fixture
def model(served: ServedBundle, settings: Settings) -> Model:
    return load_model(served, requested_model(settings, load_keys(settings)))


@pytest.fixture
def target(model: Model) -> ServedTarget:
    """What the predictions of the model are."""
    return choose_target(model.bundle.contract, model.bundle.reference.score)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    migrate(settings.database_url)
    made = open_engine(settings.database_url)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL."""
    if not is_installed():
        pytest.skip("NOT TESTED ON POSTGRESQL: initdb and pg_ctl are not on PATH")
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def identity_url(request: pytest.FixtureRequest, settings: Settings) -> str:
    """A migrated database of each kind."""
    url = settings.database_url if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    migrate(url)
    return str(url)


@pytest.fixture
def users(engine: Engine) -> SqlUserStore:
    return SqlUserStore(engine)


@pytest.fixture
def passwords(settings: Settings) -> Passwords:
    return Passwords(passes=settings.hash_passes, memory_kib=settings.hash_memory_kib)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def make_client(model: Model, engine: Engine, registry: CollectorRegistry) -> Iterator[Callable[..., TestClient]]:
    opened = []

    def make(settings: Settings, **options: Any) -> TestClient:
        opened.append(
            TestClient(create_app(settings, load_keys(settings), model, engine, CollectorRegistry()), **options)
        )
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def client(settings: Settings, model: Model, engine: Engine, registry: CollectorRegistry) -> Iterator[TestClient]:
    with TestClient(
        create_app(settings, load_keys(settings), model, engine, registry), raise_server_exceptions=False
    ) as made:
        yield made


@pytest.fixture
def account(users: SqlUserStore, passwords: Passwords) -> str:
    """A user with every scope."""
    users.create("ana", passwords.hash(PASSWORD), SCOPES)
    return "ana"


@pytest.fixture
def password() -> str:
    return PASSWORD


@pytest.fixture
def issuer(settings: Settings) -> TokenIssuer:
    return TokenIssuer(
        load_private_key(settings.jwt_signing_key_file),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        seconds=600,
    )


@pytest.fixture
def bearer(issuer: TokenIssuer) -> Callable[..., dict[str, str]]:
    """Headers with a token of a user's first epoch."""

    def make(*scopes: str, name: str = "ana", epoch: int = 1) -> dict[str, str]:
        return {"Authorization": f"Bearer {issuer.issue(name, scopes or SCOPES, epoch=epoch)}"}

    return make


@pytest.fixture
def row(model: Model) -> dict[str, Any]:
    return dict(model.bundle.contract.example)


@pytest.fixture
def ask(client: TestClient, bearer: Callable[..., dict[str, str]]) -> Callable[..., Any]:
    """Send rows to predict."""

    def send(*rows: dict[str, Any], **options: Any) -> Any:
        return client.post("/v1/predict", json={"rows": list(rows)}, headers=bearer(), **options)

    return send


@pytest.fixture
def access_lines(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """The access log of the client's requests."""
    written: list[bytes] = []
    monkeypatch.setattr("services.api.http.access_log.write_to_stdout", written.append)

    def read() -> list[dict[str, Any]]:
        client.app.state.access_log.flush()
        return [json.loads(line) for line in b"".join(written).splitlines()]

    return read


@pytest.fixture
def sample(registry: CollectorRegistry) -> Callable[..., float | None]:
    def value(name: str, /, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    return value


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Wait until a process has exited."""

    def wait(pid: int) -> bool:
        for _ in range(100):
            if not _alive(pid):
                return True
            time.sleep(0.1)
        return False

    return wait
