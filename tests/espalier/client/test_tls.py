import ssl

import pytest

from espalier.client import InvalidInput, trust
from espalier.client.tls import tls_context
from espalier.local.certificates import write_certificates


@pytest.fixture
def authority(tmp_path):
    def make(name):
        path = tmp_path / f"{name}.pem"
        write_certificates(ca=path, certificate=tmp_path / "c.pem", key=tmp_path / "c.key")
        return path

    return make


def test_only_the_named_authorities_are_trusted(authority):
    first, second = authority("first"), authority("second")

    assert len(trust(first, second).get_ca_certs()) == 2
    assert len(tls_context(str(first)).get_ca_certs()) == 1
    assert tls_context(first).verify_mode == ssl.CERT_REQUIRED
    assert tls_context(first).check_hostname


def test_context_is_used_as_it_is():
    context = ssl.create_default_context()

    assert tls_context(context) is context
    assert tls_context(None).check_hostname


def test_unusable_file_is_reported(tmp_path):
    (tmp_path / "key.pem").write_text("no certificate")

    with pytest.raises(InvalidInput, match="not found; name the certificate authority"):
        trust(tmp_path / "absent.pem")
    with pytest.raises(InvalidInput, match="no certificate authority in PEM"):
        trust(tmp_path / "key.pem")
    with pytest.raises(InvalidInput, match="no certificate authority in PEM"):
        tls_context(tmp_path)
