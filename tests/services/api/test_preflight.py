"""Checks before a start. Their messages and exit codes: server_process/test_main.py."""

import socket
from contextlib import ExitStack

import pytest

from espalier.local.certificates import write_certificates
from services.api.errors import StartupFailed
from services.api.preflight import check_certificate, check_ports


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_ports():
    with ExitStack() as opened:
        probes = [opened.enter_context(socket.socket()) for _ in range(3)]  # open together, so that they differ
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return dict(
            zip(("port", "metrics_port", "peer_port"), (probe.getsockname()[1] for probe in probes), strict=True)
        )


@pytest.mark.parametrize("name", ["port", "metrics_port", "peer_port"])
def test_port_in_use_is_refused(make_settings, taken, name):
    with pytest.raises(StartupFailed, match=rf"port {taken} on 127\.0\.0\.1 cannot be used"):
        check_ports(make_settings(**(free_ports() | {name: taken})))


def test_free_ports_are_accepted_and_released(make_settings):
    settings = make_settings(**free_ports())

    for _ in range(2):
        check_ports(settings)


@pytest.fixture
def pair(tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificates(ca=tmp_path / "ca.pem", certificate=certificate, key=key)
    return certificate, key


def test_matching_certificate_or_none_is_accepted(make_settings, pair):
    certificate, key = pair

    check_certificate(make_settings(tls_cert_file=certificate, tls_key_file=key))
    check_certificate(make_settings())


def test_certificate_with_another_key_is_refused(make_settings, pair, tmp_path):
    other = tmp_path / "other.pem"
    write_certificates(ca=tmp_path / "ca2.pem", certificate=tmp_path / "cert2.pem", key=other)

    with pytest.raises(StartupFailed, match=r"cannot serve HTTPS with .*cert\.pem and .*other\.pem"):
        check_certificate(make_settings(tls_cert_file=pair[0], tls_key_file=other))
