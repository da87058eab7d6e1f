from pathlib import Path

import pytest

from bundle import Bundle, Identity, load_public_keys, read_bundle


@pytest.fixture
def target_type() -> str:
    """Which of the small models; tests are parametrized with others."""
    return "binary"


@pytest.fixture
def bundle_folder(make_bundle, tmp_path, target_type) -> Path:
    return make_bundle(tmp_path / "bundle", kind=target_type)


@pytest.fixture
def bundle(bundle_folder, keys) -> Bundle:
    """The small model's bundle with its golden rows."""
    trusted = load_public_keys([keys.public])
    return read_bundle(bundle_folder, expected=Identity(name="orchard", version="7"), trusted_keys=trusted)
