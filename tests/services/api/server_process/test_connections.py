"""Attacks by connections on a running API, which still serves other clients."""

import socket
import ssl

import pytest

from tests.services.api.server_process.running import scrape, wait_until, wait_until_ready, workers_of

QUICK = {"API_WORKERS": "1", "API_HEAD_TIMEOUT_SECONDS": "1"}


def connect(environment):
    return socket.create_connection(("localhost", int(environment["API_PORT"])), timeout=20)


def read_all(connection):
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except OSError:
        pass
    return b"".join(parts)


def test_slow_connections_are_closed_and_the_worker_survives(start, secure, environment, tmp_path):
    process = start(**QUICK)
    wait_until_ready(secure, process)
    (worker,) = workers_of(process)
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    silent, idle, slow, endless = (connect(environment) for _ in range(4))  # silent: no handshake
    idle, slow, endless = (context.wrap_socket(one, server_hostname="localhost") for one in (idle, slow, endless))

    slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    endless.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
    try:
        for _ in range(1000):  # 64 MB, if it were taken
            endless.sendall(b"a" * 65536)
    except OSError:
        pass

    assert read_all(silent) == b""
    assert read_all(idle) == b""
    assert read_all(slow).startswith(b"HTTP/1.1 408 ")
    assert secure.get("/readyz").status_code == 200
    assert workers_of(process) == [worker]
    for one in (silent, idle, slow, endless):
        one.close()


def test_excess_connections_are_refused_except_probes(start, environment):
    del environment["API_TLS_CERT_FILE"], environment["API_TLS_KEY_FILE"]
    start(API_WORKERS="1", API_MAX_CONNECTIONS="3")

    def ask(path):
        with connect(environment) as one:
            one.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path)
            return read_all(one)[9:12]

    def is_ready():
        try:
            return ask(b"/readyz") == b"200"
        except OSError:
            return False

    wait_until(is_ready, seconds=30)
    held = [connect(environment) for _ in range(3)]

    wait_until(lambda: ask(b"/.well-known/jwks.json") == b"503")
    assert scrape(environment)['espalier_connections_refused_total{reason="too_many_connections"}'] >= 1
    assert ask(b"/readyz") == b"200"
    for one in held:
        one.close()
    wait_until(lambda: ask(b"/.well-known/jwks.json") == b"200")


def offered(*, ciphers=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if ciphers:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    return context


def test_tls_allows_only_forward_secrecy_and_authenticated_encryption(start, secure, environment):
    wait_until_ready(secure, start(API_WORKERS="1"))

    def spoken(context):
        with connect(environment) as plain, context.wrap_socket(plain) as secured:
            return secured.version(), secured.cipher()[0]

    assert spoken(offered())[0] == "TLSv1.3"
    names = [found["name"] for found in offered(ciphers="ALL:@SECLEVEL=0").get_ciphers()]
    for name in (name for name in names if not name.startswith("TLS_")):
        is_good = name.startswith("ECDHE-") and ("GCM" in name or "CHACHA20" in name)
        try:
            assert spoken(offered(ciphers=f"{name}:@SECLEVEL=0")) == ("TLSv1.2", name)
            assert is_good, name
        except (ssl.SSLError, ConnectionError):
            pass  # not spoken; some good ones ask for a certificate of another kind
    assert spoken(offered(ciphers="ECDHE+AESGCM"))[0] == "TLSv1.2"
    old = offered(ciphers="ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match=r"TLSv1_1 is deprecated"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match=r"EOF|ALERT_PROTOCOL_VERSION"):  # the server's refusal, not the client's own
        spoken(old)
