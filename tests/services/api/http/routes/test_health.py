from pathlib import Path

import pytest


@pytest.fixture
def without_database(engine):
    """The file of the database is a folder: every new connection fails."""
    engine.dispose()
    path = Path(engine.url.database)
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(("path", "status"), [("/healthz", "alive"), ("/readyz", "ready")])
def test_probes_need_no_token_and_no_database(client, without_database, path, status):
    answer = client.get(path)

    assert (answer.status_code, answer.json()) == (200, {"status": status})


def test_other_requests_do_need_the_database(client, without_database):
    assert client.post("/v1/auth/token", data={"username": "ana", "password": "x"}).status_code == 503
