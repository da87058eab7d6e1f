"""What is verified before a version is compared with or promoted."""

import pytest

from bundle import UntrustedSignature, WrongIdentity, load_private_key
from pipelines.config.settings import Settings
from pipelines.registry.champion import read_version
from pipelines.registry.versions import Version


@pytest.fixture
def read(make_bundle, keys):
    """Verify what a registry gives for version 7 of orchard."""

    def run(own_key=None, **of_bundle):
        class Stored:
            def download_bundle(self, asked, folder):
                assert asked is version
                return make_bundle(folder, **of_bundle)

        settings, version = Settings(public_key_files=str(keys.public)), Version("orchard", "7", "run", 0.0, {}, ())
        return read_version(Stored(), settings, version, own_key=own_key)

    return run


def test_own_bundle_is_read(read):
    assert read().manifest.identity.version == "7"


@pytest.mark.parametrize("other", [{"version": "6"}, {"name": "vineyard"}])
def test_bundle_of_another_version_or_model_is_refused(read, other):
    with pytest.raises(WrongIdentity):
        read(**other)


def test_bundle_of_an_unknown_key_is_rejected(read, other_keys):
    with pytest.raises(UntrustedSignature):
        read(sign_with=other_keys.private)


def test_bundle_signed_by_this_run_is_accepted(read, other_keys):
    own_key = load_private_key(other_keys.private).public_key()

    assert read(own_key=own_key, sign_with=other_keys.private).manifest.identity.version == "7"
