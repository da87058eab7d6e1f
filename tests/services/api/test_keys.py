import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.api.errors import StartupFailed
from services.api.keys import load_keys


def test_signing_key_and_extra_keys_are_trusted(make_settings, other_keys):
    keys = load_keys(make_settings(jwt_extra_verification_key_files=(other_keys.public,)))

    assert len(keys.token_trusted) == 2
    keys.token_trusted[0].verify(keys.token_signing.sign(b"x"), b"x")


def test_missing_key_names_the_command_to_create_one(make_settings, tmp_path):
    with pytest.raises(StartupFailed, match="create a pair with: espalier keys"):
        load_keys(make_settings(jwt_signing_key_file=tmp_path / "absent.pem"))


def test_non_ed25519_key_is_refused(make_settings, tmp_path):
    path = tmp_path / "weak.pem"
    key = rsa.generate_private_key(65537, 1024)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(StartupFailed, match="not an Ed25519 key"):
        load_keys(make_settings(jwt_signing_key_file=path))
