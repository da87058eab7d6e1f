import os
import socket
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from espalier.local import processes
from espalier.local.errors import PortTaken, ServerFailed
from espalier.local.mlflow_server import mlflow_server
from espalier.local.processes import Server, check_port, free_port, running
from espalier.local.state import open_state
from tests.http_server import serving

SERVE = """
import http.server, os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.fixture
def server(tmp_path):
    def make(code=SERVE, **changes):
        port = free_port()
        values = {
            "name": "the test's server",
            "arguments": ["-c", code, str(port)],
            "environment": {"COLOUR": "green"},
            "ready_url": f"http://127.0.0.1:{port}/",
            "log": tmp_path / "logs" / "server.log",
            "timeout_seconds": 10,
        }
        return Server(**(values | changes))

    return make


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")  # who has ended and is not yet waited for is no longer alive
    return state.read_text().split()[2] != "Z" if state.exists() else True


def test_server_and_its_children_stop_with_the_block(server):
    started = server()
    with running(started):
        pids = [int(word) for word in started.log.read_text().split()[:2]]
        assert all(alive(pid) for pid in pids)

    for _ in range(50):
        if not any(alive(pid) for pid in pids):
            break
        time.sleep(0.1)
    assert not any(alive(pid) for pid in pids)


def test_server_that_exits_is_reported_with_its_log(server):
    with (
        pytest.raises(ServerFailed, match=r"(?s)exited with 3.*no disk today"),
        running(server("import sys; print('no disk today'); sys.exit(3)")),
    ):
        pass


def test_server_that_does_not_answer_is_reported_and_stopped(server):
    with (
        pytest.raises(ServerFailed, match="did not answer within 1 s"),
        running(server("import time; time.sleep(60)", timeout_seconds=1)),
    ):
        pass


def test_used_port_is_reported():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortTaken, match="is already in use"):
            check_port(taken.getsockname()[1])


def test_running_mlflow_of_the_same_state_is_shared(tmp_path):
    state = open_state(tmp_path / "state")

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with serving(Answer) as url:
        (state.mlflow / "address").write_text(url)
        with mlflow_server(state) as uri:
            assert uri == url


def test_free_port_is_none_of_an_outgoing_connection():
    """The kernel could give it away before the server listens."""
    settings = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(settings.read_text().split()[0]) if settings.exists() else 49_152

    assert all(free_port() < lowest for _ in range(50))


def test_free_port_is_not_taken(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(processes, "PORTS", range(port, port + 4))

        assert free_port() in range(port + 1, port + 4)
