import pytest

from bundle import Identity, load_public_keys, read_bundle
from bundle.manifest import Manifest


@pytest.fixture
def read(keys, tmp_path):
    """Make a bundle, and read it."""

    def call(make_bundle):
        folder = tmp_path / "bundle"
        make_bundle(folder)
        identity: Identity = Manifest.model_validate_json((folder / "manifest.json").read_bytes()).identity
        return read_bundle(folder, expected=identity, trusted_keys=load_public_keys([keys.public]))

    return call
