"""Call the command as its entry point does."""

from __future__ import annotations

import sys

import pytest

from espalier.cli import main as entry
from tests.espalier.running_api import PASSWORD, running_api


@pytest.fixture
def run(monkeypatch, capfd):
    """Call the command in this process; give exit code, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["espalier", *arguments])
        capfd.readouterr()
        try:
            entry.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        printed = capfd.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def target_type() -> str:
    """The type of the model that the API serves: one of ``small_models.TYPES``, by ``parametrize``."""
    return "binary"


@pytest.fixture
def api(make_bundle, keys, tmp_path, target_type):
    (tmp_path / "api").mkdir()
    with running_api(make_bundle(tmp_path / "bundle", kind=target_type), keys, tmp_path / "api") as running:
        yield running


@pytest.fixture
def url(api):
    return api.url


@pytest.fixture
def this_api(monkeypatch, url):
    monkeypatch.setenv("ESPALIER_URL", url)


@pytest.fixture
def token(run, monkeypatch, this_api):
    monkeypatch.setenv("ESPALIER_PASSWORD", PASSWORD)
    return run("token", "--user", "ana")[1].strip()
