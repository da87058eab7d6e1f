"""A running API over TLS, and SIGTERM."""

import signal
import time

import httpx
import pytest

from tests.services.api.server_process.running import wait_until_ready


def test_untrusted_certificate_is_refused_by_the_client(start, secure, environment):
    wait_until_ready(secure, start(API_WORKERS="1"))

    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://localhost:{environment['API_PORT']}/readyz")


def test_sigterm_drains_and_closes_connections(start, secure, environment):
    process = start(API_DRAIN_SECONDS="4")
    wait_until_ready(secure, process)
    assert "connection" not in secure.get("/healthz").headers

    process.send_signal(signal.SIGTERM)
    while secure.get("/readyz").status_code == 200:
        time.sleep(0.01)
    answers = [secure.get(path) for path in ("/readyz", "/healthz", "/.well-known/jwks.json")]

    assert [answer.status_code for answer in answers] == [503, 200, 200]
    assert {answer.headers["connection"] for answer in answers} == {"close"}, "and each came on a new connection"
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert '"message":"draining"' in printed
