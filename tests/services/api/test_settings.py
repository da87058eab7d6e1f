import ast
import inspect
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.api import settings as module
from services.api.errors import StartupFailed
from services.api.settings import Settings, load_settings


def test_missing_settings_are_named(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"API_{name.upper()}", raising=False)

    with pytest.raises(StartupFailed) as caught:
        load_settings()

    for name in ("API_JWT_SIGNING_KEY_FILE", "API_MLFLOW_TRACKING_URI", "API_MODEL_NAME", "API_MODEL_PUBLIC_KEY_FILES"):
        assert f"{name}: Field required" in str(caught.value)


def test_lists_are_separated_by_commas(monkeypatch, make_settings):
    monkeypatch.setenv("API_ALLOWED_HOSTS", "a.example.org, b.example.org")
    for name, value in make_settings().model_dump(mode="json").items():
        if name in ("jwt_signing_key_file", "mlflow_tracking_uri", "model_name"):
            monkeypatch.setenv(f"API_{name.upper()}", str(value))
    monkeypatch.setenv("API_MODEL_PUBLIC_KEY_FILES", "a.pem,b.pem")

    loaded = load_settings()

    assert loaded.allowed_hosts == ("a.example.org", "b.example.org")
    assert loaded.model_public_key_files == (Path("a.pem"), Path("b.pem"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tls_cert_file": "a.pem"}, "or neither"),
        ({"hash_passes": 1, "hash_memory_kib": 20000}, "at least 47104"),
        ({"hash_passes": 2, "hash_memory_kib": 12288}, "at least 19456"),
        ({"hash_passes": 3, "hash_memory_kib": 12287}, "12288"),
        ({"access_token_seconds": 3600}, "less than or equal to 900"),
        ({"model_public_key_files": ()}, "at least 1"),
        ({"port": 70000}, "65535"),
        ({"port": 9090}, "must be different"),
        ({"model_version": "../7"}, "pattern"),
        ({"graceful_seconds": 10}, "must hold"),
        ({"body_timeout_seconds": 30}, "must hold"),
        ({"quota_rows_per_minute": 3, "workers": 4}, "API_WORKERS or more"),
        ({"quota_rows_per_minute": 9, "quota_burst_rows": 3, "workers": 4}, "API_WORKERS or more"),
    ],
)
def test_inconsistent_settings_are_refused(make_settings, changes, message):
    with pytest.raises(ValidationError, match=message):
        make_settings(**changes)


def test_default_limits_are_the_documented_ones():
    default = {name: field.default for name, field in Settings.model_fields.items()}

    head = ("max_head_bytes", "max_head_fields", "head_timeout_seconds")
    assert [default[name] for name in head] == [16 * 2**10, 100, 10]
    assert [default[name] for name in ("max_connections", "max_connections_per_client")] == [1000, 500]
    assert [default[name] for name in ("max_body_bytes", "small_body_bytes")] == [2 * 2**20, 16 * 2**10]
    assert default["docs_enabled"] is False
    assert [default[name] for name in ("quota_rows_per_minute", "quota_burst_rows")] == [0, 0]


@pytest.fixture
def settings_of_file(keys, tmp_path):
    def make(content):
        if content is not None:
            (tmp_path / "url").write_text(content)
        return Settings(
            database_url_file=tmp_path / "url",
            jwt_signing_key_file=keys.private,
            model_public_key_files=(keys.public,),
            mlflow_tracking_uri="http://127.0.0.1:1",
            model_name="orchard",
        )

    return make


def test_database_url_comes_from_a_file(settings_of_file):
    url = "postgresql+psycopg://api:secret@db/api"

    assert settings_of_file(f"{url}\n").database_url == url


@pytest.mark.parametrize(("content", "message"), [(None, "cannot read"), ("", "one line"), ("a\nsecret\n", "one line")])
def test_file_without_a_database_url_is_refused_and_not_shown(settings_of_file, content, message):
    with pytest.raises(ValueError, match=f"API_DATABASE_URL_FILE.*{message}") as refusal:
        settings_of_file(content)
    assert "secret" not in str(refusal.value.errors(include_input=False, include_url=False))


def test_two_database_urls_are_refused(make_settings, tmp_path):
    with pytest.raises(ValueError, match="set only one of"):
        make_settings(database_url="sqlite:///x", database_url_file=tmp_path / "url")


def test_settings_do_not_change(settings):
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_every_setting_has_a_docstring():
    tree = ast.parse(inspect.getsource(module)).body
    body = next(node for node in tree if getattr(node, "name", "") == "Settings").body
    for node, after in pairwise(body):
        if isinstance(node, ast.AnnAssign):
            assert isinstance(after, ast.Expr), f"{node.target.id} has no docstring"


@pytest.mark.parametrize("wrong", ["*", "0.0.0.0/0", "::/0", "10.0.0.1, *", "ingress.example.com", "10.0.0.1/24"])
def test_invalid_trusted_proxies_are_refused(make_settings, wrong):
    with pytest.raises(ValueError, match="not an address or network"):
        make_settings(forwarded_allow_ips=wrong)


@pytest.mark.parametrize("right", ["", "10.20.30.40", "10.20.30.40, 10.20.31.0/28,2001:db8::/64"])
def test_trusted_proxies_are_addresses_and_networks(make_settings, right):
    assert make_settings(forwarded_allow_ips=right).forwarded_allow_ips == right
