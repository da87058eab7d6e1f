"""With unavailable or hanging dependencies the API still starts, serves and shuts down."""

import os
import signal
import socket
import threading
import time
from contextlib import closing, suppress
from urllib.parse import urlsplit

import pytest

from tests.services.api.server_process.running import (
    alive_and_busy,
    end,
    scrape,
    wait_until,
    wait_until_ready,
    workers_of,
)


class Wire:
    """A proxy to a server, which can be made to hang."""

    def __init__(self, uri):
        self._to = urlsplit(uri)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.is_cut, self._kept = False, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            self._kept.append(near)
            if not self.is_cut:
                far = socket.create_connection((self._to.hostname, self._to.port))
                self._kept.append(far)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source, sink):
        own = self.uri.removeprefix("http://").encode()
        with suppress(OSError):
            while content := source.recv(65536):
                sink.sendall(content.replace(own, self._to.netloc.encode()))  # MLflow looks at the host's name
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        for one in (self._listening, *self._kept):
            one.close()


@pytest.fixture
def wire(mlflow):
    with closing(Wire(mlflow.uri)) as made:
        yield made


def test_hanging_dependency_does_not_disturb_the_workers(start, secure, environment, contract, gone, headers, wire):
    quick = {
        "API_DEPENDENCY_CHECK_INTERVAL_SECONDS": "1",
        "API_DEPENDENCY_CHECK_JITTER_SECONDS": "0",
        "API_DEPENDENCY_CHECK_TIMEOUT_SECONDS": "1",
    }
    began = time.time()
    process = start(API_MLFLOW_TRACKING_URI=wire.uri, **quick)
    wait_until_ready(secure, process)
    asked = headers()

    def up():
        series = scrape(environment)
        names = ("mlflow", "artifacts", "database")
        return [series.get(f'espalier_dependency_up{{dependency="{name}"}}') for name in names]

    wait_until(lambda: up() == [1, 1, 1])
    known = {one: value for one, value in scrape(environment).items() if one.startswith("espalier_registry_")}
    assert known['espalier_registry_alias_version{alias="champion"}'] == 1
    assert known['espalier_registry_versions{gate="passed"}'] == 1
    assert began - 86400 < known["espalier_registry_newest_version_timestamp_seconds"] <= time.time(), "in seconds"

    wire.is_cut = True
    wait_until(lambda: up() == [0, 0, 1])
    for _ in range(2):  # in the middle of a question, most likely
        victim = workers_of(process)[0]
        os.kill(victim, signal.SIGKILL)
        assert gone(victim)
        wait_until(lambda: alive_and_busy(environment) == (2, 0))
    for _ in range(10):
        answer = secure.post("/v1/predict", json={"rows": [contract.example]}, headers=asked)
        assert answer.status_code == 200
    assert known.items() <= scrape(environment).items()

    wire.is_cut = False
    wait_until(lambda: up() == [1, 1, 1])
    wire.is_cut = True
    end(process)
    assert process.returncode == 0


def test_start_without_a_database_refuses_only_logins(start, secure, environment, gone):
    process = start(API_WORKERS="1", API_DATABASE_URL="postgresql+psycopg://ana:a%20secret@127.0.0.1:1/x")
    wait_until_ready(secure, process)
    children = workers_of(process)

    login = secure.post("/v1/auth/token", data={"username": "ana", "password": "grafted quince"})

    assert login.status_code == 503
    assert secure.get("/.well-known/jwks.json").status_code == 200
    assert len(children) == 2, "a worker, and what waits for the database"
    secure.close()  # over TLS an open connection is given until the end of the grace to say goodbye
    printed = end(process, timeout=30)
    assert all(gone(pid) for pid in children)
    assert "a%20secret" not in printed
