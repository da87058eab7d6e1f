import pytest


@pytest.mark.parametrize(("path", "status"), [("/healthz", "alive"), ("/readyz", "ready")])
def test_probes_need_no_token_and_nobody_else(client, engine, path, status):
    engine.dispose()

    assert client.get(path).json() == {"status": status}
