from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from espalier.certificates import issue_certificate


def test_certificate_is_for_the_host_names_and_signed_by_the_authority():
    issued = issue_certificate("predictions.example.com", "localhost", organization="Test")

    leaf = x509.load_pem_x509_certificates(issued.chain)[0]
    (authority,) = x509.load_pem_x509_certificates(issued.authority)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (common_name,) = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    leaf.verify_directly_issued_by(authority)
    assert [name.value for name in names] == ["predictions.example.com", "localhost"]
    assert common_name.value == "predictions.example.com"
    assert load_pem_private_key(issued.key, None).public_key() == leaf.public_key()
