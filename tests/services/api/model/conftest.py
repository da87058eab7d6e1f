import pytest

from services.api.keys import load_keys
from services.api.model.source import fetch_bundle
from services.api.startup import bundle_sources, requested_model


@pytest.fixture
def requested(settings):
    return requested_model(settings, load_keys(settings))


@pytest.fixture
def bundle(requested, served):
    """The small model's bundle with its golden rows, which a loaded model does not keep."""
    return requested.read(served.folder, served.version)


@pytest.fixture
def fetch_with():
    """Fetch the bundle as a start of the API with these settings does."""

    def fetch(settings):
        return fetch_bundle(requested_model(settings, load_keys(settings)), bundle_sources(settings))

    return fetch
