import pytest

from services.api.prediction.parquet import process
from tests.services.api.prediction.parquet.hostile import write_library


@pytest.fixture
def library(tmp_path):
    return lambda body: write_library(tmp_path, body)


@pytest.fixture
def hostile(library, monkeypatch):
    """Have the process run some code instead of decoding."""

    def use(body):
        folder = library(body)
        monkeypatch.setattr(process, "_libraries", lambda: folder)

    return use
