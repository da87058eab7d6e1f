"""The internal ports of a running API: metrics and bundle."""

import ssl

import httpx
import pytest

from bundle import BUNDLE_FILES
from espalier.local.processes import free_port
from tests.services.api.server_process.running import end, wait_until_ready


@pytest.fixture
def peer_port():
    return str(free_port())


def test_new_process_gets_its_bundle_from_a_running_one(start, secure, environment, peer_port, tmp_path):
    wait_until_ready(secure, start(API_PEER_PORT=peer_port))
    own = {"API_PORT": str(free_port()), "API_METRICS_PORT": str(free_port())}
    unavailable = {"API_MLFLOW_TRACKING_URI": "http://127.0.0.1:1", "API_MODEL_CACHE_DIR": str(tmp_path / "own-cache")}
    second = start(
        **own, **unavailable, API_PEER_HOST="127.0.0.1", API_PEER_PORT=peer_port, API_METRICS_HOST="127.0.0.2"
    )
    trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with httpx.Client(base_url=f"https://localhost:{own['API_PORT']}", verify=trusted) as client:
        wait_until_ready(client, second)
    assert '"source":"peer"' in end(second).replace(" ", "")


def test_metrics_and_bundle_have_their_own_ports(start, secure, environment, peer_port):
    wait_until_ready(secure, start(API_PEER_PORT=peer_port))
    metrics, peers = (f"http://127.0.0.1:{port}" for port in (environment["API_METRICS_PORT"], peer_port))

    assert httpx.get(f"{peers}/bundle").json() == {"name": "process", "version": "1"}
    assert {httpx.get(f"{peers}/bundle/{name}").status_code for name in BUNDLE_FILES} == {200}
    assert httpx.get(f"{peers}/metrics").status_code == 404
    assert "espalier_workers" in httpx.get(f"{metrics}/metrics").text
    assert "espalier_workers" in httpx.get(f"{metrics}/bundle").text, "whatever is asked for, it is the metrics"


def test_bundle_is_not_served_without_a_peer_port(start, secure, environment, peer_port):
    wait_until_ready(secure, start())

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{peer_port}/bundle")
