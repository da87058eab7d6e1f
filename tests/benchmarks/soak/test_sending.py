"""wrk sends an exact number of requests: a server that counts them agrees."""

import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.errors import BenchmarkFailed
from benchmarks.load.sending import Requests
from benchmarks.soak.sending import read_answered, send_exactly, write_script


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_valid = body == b"valid"
        next(self.server.counts[body])
        self.answer(200 if is_valid else 422, {"x-model-version": "1"} if is_valid else {})

    def answer(self, status, headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def counting():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.counts = {b"valid": itertools.count(), b"wrong": itertools.count()}
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def requests(tmp_path, counting):
    files = []
    for number, body in enumerate((b"valid", b"valid", b"wrong")):
        files.append(tmp_path / f"{number}.body")
        files[-1].write_bytes(body)
    return Requests(f"http://127.0.0.1:{counting.server_port}/", {"X": "y"}, files, connections=4, folder=tmp_path)


@pytest.mark.parametrize("wanted", [1, 100, 1001])
def test_server_has_counted_exactly_what_was_answered(need, counting, requests, wanted):
    need("wrk")
    sampled = []

    found = send_exactly(
        requests, wanted, core=0, seconds=60, every=0.01, sample=lambda: sampled.append(threading.active_count())
    )

    valid, wrong = next(counting.counts[b"valid"]), next(counting.counts[b"wrong"])
    assert valid + wrong == wanted
    assert dict(found.statuses) == {status: count for status, count in ((200, valid), (422, wrong)) if count}
    assert found.no_answer == 0
    assert sampled or wanted < 1001


def test_too_little_time_is_an_error(need, requests):
    need("wrk")

    with pytest.raises(BenchmarkFailed, match="not all 1,000,000 requests were answered"):
        send_exactly(requests, 1_000_000, core=0, seconds=1, every=0.1, sample=lambda: None)


def test_missing_result_is_an_error():
    with pytest.raises(BenchmarkFailed, match="no result: unable to connect"):
        read_answered(["unable to connect"], 1.0)


def test_script_quotes_headers_and_bodies(tmp_path):
    bodies = [tmp_path / "a.body", tmp_path / "b.body"]
    script = write_script(Requests("http://x/", {"A": 'Bearer "x"\\'}, bodies, connections=1, folder=tmp_path), 7)

    assert r'wrk.headers["A"] = "Bearer \"x\"\\"' in script
    assert f'{{"{bodies[0]}", "{bodies[1]}"}}' in script
    assert "local wanted = 7" in script
