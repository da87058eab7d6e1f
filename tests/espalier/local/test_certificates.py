import ssl

from cryptography import x509

from espalier.local.certificates import HOST_NAMES, write_certificates


def test_certificate_is_for_loopback_and_signed_by_the_authority(tmp_path):
    ca, certificate, key = tmp_path / "ca.pem", tmp_path / "tls/server.pem", tmp_path / "tls/server.key"
    write_certificates(ca=ca, certificate=certificate, key=key)

    leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == set(HOST_NAMES)
    ssl.create_default_context(cafile=str(ca))
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
