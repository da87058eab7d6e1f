"""Each setting reaches its part of the API."""

from services.api.keys import load_keys
from services.api.model.mlflow_registry import RegistryAddress
from services.api.model.peers import PeerAddress
from services.api.process.connections import ConnectionLimits
from services.api.startup import bundle_sources, internal_address, listen_address, requested_model, server_options


def test_limits_of_connections_come_from_the_settings(make_settings):
    settings = make_settings(
        max_head_bytes=2048,
        max_head_fields=11,
        head_timeout_seconds=3,
        body_timeout_seconds=4,
        max_connections=5,
        max_connections_per_client=6,
        forwarded_allow_ips="10.0.0.0/8",
    )

    assert server_options(settings).connections == ConnectionLimits(2048, 11, 3, 4, 5, 6, "10.0.0.0/8")


def test_model_comes_from_the_settings(make_settings):
    settings = make_settings(model_name="orchard", model_alias="blue", model_version="4", model_max_bytes=77)
    keys = load_keys(settings)

    requested = requested_model(settings, keys)

    assert (requested.name, requested.alias, requested.version, requested.max_bytes) == ("orchard", "blue", "4", 77)
    assert requested.trusted_keys == keys.bundle_trusted


def test_sources_come_from_the_settings(make_settings, tmp_path):
    settings = make_settings(
        mlflow_tracking_uri="http://mlflow:5000",
        registry_retries=3,
        registry_timeout_seconds=4,
        model_cache_dir=tmp_path,
        peer_host="peers",
        peer_port=9091,
    )

    sources = bundle_sources(settings)

    assert sources.registry == RegistryAddress("http://mlflow:5000", 3, 4)
    assert (sources.cache_dir, sources.peers) == (tmp_path, PeerAddress("peers", 9091))


def test_addresses_come_from_the_settings(make_settings):
    settings = make_settings(host="::1", port=8443, metrics_host="127.0.0.2", metrics_port=1, peer_port=2)

    internal = internal_address(settings)

    assert listen_address(settings).bind == "[::1]:8443"
    assert (internal.host, internal.metrics_port, internal.peer_port) == ("127.0.0.2", 1, 2)
