import pytest

from services.api.keys import load_keys
from services.api.model.source import fetch_bundle
from services.api.startup import bundle_sources, wanted_model


@pytest.fixture
def wanted(settings):
    return wanted_model(settings, load_keys(settings))


@pytest.fixture
def fetch_with():
    """Fetch the bundle as the API does when it starts with these settings."""

    def fetch(settings):
        return fetch_bundle(wanted_model(settings, load_keys(settings)), bundle_sources(settings))

    return fetch
