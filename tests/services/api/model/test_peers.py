"""A bundle from another pod, over real sockets."""

import random
import socket
import threading
from contextlib import closing

import httpx
import pytest

from services.api.errors import StartupFailed
from services.api.internal.bundle_server import BundleServer
from services.api.model import source
from services.api.model.source import ServedBundle


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def serve(make_bundle, tmp_path, port):
    """Start a peer that serves a version, and return the folder of its files."""
    started = []

    def start(version="7", name="orchard", host="127.0.0.1", without=None, **written):
        folder = make_bundle(tmp_path / f"peer-{len(started)}", name=name, version=version, **written)
        if without:
            (folder / without).unlink()
        server = BundleServer(ServedBundle(name, version, folder, "registry"))
        server.start(host, port)
        started.append(server)
        return folder

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def fetch(make_settings, fetch_with, port):
    """A start with an empty cache and a registry that does not answer."""

    def run(**changes):
        return fetch_with(make_settings(peer_host="localhost", peer_port=port, **changes))

    return run


def test_bundle_is_fetched_from_a_peer(serve, fetch):
    folder = serve("7")

    served = fetch()

    assert (served.version, served.source) == ("7", "peer")
    assert {path.name: path.read_bytes() for path in served.folder.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name in source.ALL_FILES
    }
    assert fetch().source == "cache", "it is kept for the next start"


def test_bundle_of_an_earlier_format_is_fetched_from_a_peer(serve, fetch):
    folder = serve(manifest_format=2)

    assert {path.name for path in fetch().folder.iterdir()} == {path.name for path in folder.iterdir()}


def test_golden_rows_that_a_peer_withholds_are_missed(serve, fetch, caplog):
    serve(without="golden_rows.safetensors")

    with pytest.raises(StartupFailed, match="or at a peer"):
        fetch()
    assert "missing_file" in str([record.__dict__ for record in caplog.records])


def test_only_the_requested_version_is_taken_from_a_peer(serve, fetch):
    serve("7")

    assert fetch(model_version="7").version == "7"
    with pytest.raises(StartupFailed, match="or at a peer"):
        fetch(model_version="8")


def test_peer_of_another_model_is_skipped(serve, fetch):
    serve(name="vineyard")

    with pytest.raises(StartupFailed, match="or at a peer"):
        fetch()


def test_altered_bundle_of_a_peer_is_refused_and_not_cached(serve, fetch, caplog, tmp_path):
    model = serve() / "model.ubj"
    model.write_bytes(model.read_bytes()[:-1] + b"x")

    with pytest.raises(StartupFailed, match="or at a peer"):
        fetch()
    assert "the bundle of a peer is refused" in caplog.text
    assert list((tmp_path / "cache/orchard").iterdir()) == []


def test_too_large_file_of_a_peer_is_refused(serve, fetch, caplog):
    serve()

    with pytest.raises(StartupFailed):
        fetch(model_max_bytes=100)
    assert "no bundle from this peer" in caplog.text


def test_unreachable_and_faulty_peers_are_skipped(serve, fetch, monkeypatch, port):
    serve(host="127.0.0.3")
    nonsense = socket.create_server(("127.0.0.2", port))
    threading.Thread(target=_babble, args=(nonsense,), daemon=True).start()
    addresses, resolve = ["127.0.0.1", "127.0.0.2", "127.0.0.3"], socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **options: (
            [found for address in addresses for found in resolve(address, port, type=socket.SOCK_STREAM)]
            if host == "localhost"
            else resolve(host, *rest, **options)
        ),
    )

    monkeypatch.setattr(random, "shuffle", list.sort)  # in order: both are asked before the good one

    with closing(nonsense):
        assert fetch().source == "peer"


def _babble(server):
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{oops:]")


def test_unresolvable_peer_name_is_no_peer(make_settings, fetch_with):
    with pytest.raises(StartupFailed, match="or at a peer"):
        fetch_with(make_settings(peer_host="nowhere.invalid", peer_port=9091))


@pytest.mark.parametrize(
    "path", ["/bundle/", "/bundle/passwd", "/bundle/../../etc/passwd", "/bundle/MLmodel", "/metrics", "/"]
)
def test_peer_port_serves_no_other_file(serve, port, path):
    serve()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert b" 404 " in connection.recv(100)


def test_peer_port_accepts_no_upload(serve, port):
    serve()

    assert httpx.put(f"http://127.0.0.1:{port}/bundle/model.ubj", content=b"x").status_code == 404


@pytest.mark.parametrize("version", ["../../victim", "/victim", "9" * 11, "9" * 900, "٣", "", None])
def test_peer_version_with_a_path_is_refused(answering, make_settings, tmp_path, version, fetch_with):
    asked = []

    def answer(path):
        asked.append(path)
        return 200, {"name": "orchard", "version": version}

    port = int(answering(answer).rpartition(":")[2])
    with pytest.raises(StartupFailed, match="or at a peer"):
        fetch_with(make_settings(peer_host="127.0.0.1", peer_port=port))

    assert asked == ["/bundle"]
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


def test_oversized_card_of_a_peer_is_not_read(answering, make_settings, caplog, fetch_with):
    port = int(answering(lambda _path: (200, b" " * 100_000)).rpartition(":")[2])

    with pytest.raises(StartupFailed, match="or at a peer"):
        fetch_with(make_settings(peer_host="127.0.0.1", peer_port=port))

    assert "more than 1,000 bytes" in str([record.__dict__ for record in caplog.records])


@pytest.mark.parametrize("other", [{"version": "6"}, {"name": "vineyard"}])
def test_peers_bundle_of_another_version_or_model_is_refused(serve, fetch, make_bundle, caplog, other):
    folder = serve("7")
    make_bundle(folder, **other)

    with pytest.raises(StartupFailed, match="or at a peer"):
        fetch()
    assert "wrong_identity" in str([record.__dict__ for record in caplog.records])
