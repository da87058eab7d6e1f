import stat

from bundle import load_private_key, load_public_keys
from espalier.local.state import open_state


def test_keys_and_certificate_are_created_once(tmp_path):
    first = open_state(tmp_path / "state")
    before = {path: path.read_bytes() for path in (first.model_key, first.jwt_key, first.certificate, first.ca)}

    open_state(tmp_path / "state")

    assert all(path.read_bytes() == content for path, content in before.items())
    load_private_key(first.jwt_key)
    load_public_keys([first.model_public_key])


def test_state_is_for_its_owner_alone(tmp_path):
    state = open_state(tmp_path / "state")

    assert stat.S_IMODE(state.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(state.certificate_key.stat().st_mode) == 0o600
