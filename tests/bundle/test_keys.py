import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bundle import InvalidKey, load_private_key, load_public_keys, write_key_pair


@pytest.fixture
def rsa_key(tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    private, public = tmp_path / "rsa.pem", tmp_path / "rsa.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def test_created_key_pair_matches(tmp_path):
    private, public = write_key_pair(tmp_path / "new", "model")

    load_public_keys([public])[0].verify(load_private_key(private).sign(b"text"), b"text")


def test_private_key_is_readable_by_its_owner_only(tmp_path):
    private, _ = write_key_pair(tmp_path, "model")

    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_key_in_use_is_never_overwritten(tmp_path):
    private, _ = write_key_pair(tmp_path, "model")
    before = private.read_bytes()

    with pytest.raises(InvalidKey, match="already exists"):
        write_key_pair(tmp_path, "model")

    assert private.read_bytes() == before


def test_missing_key_file_names_the_command_to_create_one(tmp_path):
    with pytest.raises(InvalidKey, match=r"absent\.pem.*espalier keys"):
        load_private_key(tmp_path / "absent.pem")


def test_rsa_key_is_refused(rsa_key):
    private, public = rsa_key

    with pytest.raises(InvalidKey, match="not an Ed25519 key"):
        load_private_key(private)
    with pytest.raises(InvalidKey, match="not an Ed25519 key"):
        load_public_keys([public])


def test_file_that_is_not_a_key_is_refused(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("hunter2")

    with pytest.raises(InvalidKey, match="not a PEM private key") as caught:
        load_private_key(path)
    with pytest.raises(InvalidKey, match="not a PEM public key"):
        load_public_keys([path])

    assert "hunter2" not in str(caught.value)


def test_key_with_a_password_is_refused(tmp_path):
    path = tmp_path / "locked.pem"
    encrypted = BestAvailableEncryption(b"password")
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encrypted))

    with pytest.raises(InvalidKey, match="without a password"):
        load_private_key(path)


def test_empty_list_of_public_keys_is_refused():
    with pytest.raises(InvalidKey, match="no public key was provided"):
        load_public_keys([])
