"""Batch scoring with an S3 server that is slow, or does not answer."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from pipelines.config.settings import Settings
from pipelines.errors import Unreachable
from tests.cutting_proxy import cutting_proxy

pytestmark = [pytest.mark.s3, pytest.mark.slow]


@pytest.fixture
def proxy(s3):
    address = urlsplit(s3)
    with cutting_proxy((address.hostname, address.port)) as proxy:
        yield proxy


@pytest.fixture
def score_through(proxy, score, table, client):
    """Score a table on S3 through the proxy, and then disturb from one request on: head, read, or write."""
    client.upload_file(str(table), "data", "lake/a.parquet")
    settings = Settings(
        s3_endpoint_url=proxy.url, remote_retries=1, remote_timeout_seconds=1, remote_min_bytes_per_second=1e6
    )

    def run():
        return score("s3://data/lake", "s3://data/scored", settings=settings)

    return run


def keys_of(client):
    return sorted(entry["Key"] for entry in client.list_objects_v2(Bucket="data").get("Contents", ()))


@pytest.fixture
def disturb(proxy, monkeypatch):
    """Disturb answers from the first request of an operation on."""

    def begin(how, operation, count):
        from pipelines.scoring.s3 import Prefix

        retrying = Prefix._retrying

        def disturbed(self, once, asked, options):
            if asked == operation and not proxy.disturbed:
                setattr(proxy, how, count)
            return retrying(self, once, asked, options)

        monkeypatch.setattr(Prefix, "_retrying", disturbed)

    return begin


OPERATIONS = ["list_objects_v2", "head_object", "get_object", "put_object"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("how", ["slow", "silent"])
def test_slow_or_silent_server_is_tried_again(score_through, disturb, proxy, client, how, operation):
    disturb(how, operation, 1)

    assert score_through().results[0].counts.rows == 1000
    assert proxy.disturbed == 1
    assert "scored/a.parquet" in keys_of(client)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("how", ["slow", "silent"])
def test_server_that_stays_slow_or_silent_ends_the_budget_and_leaves_nothing(
    score_through, disturb, proxy, client, how, operation
):
    disturb(how, operation, -1)

    with pytest.raises(Unreachable, match="did not answer in 2 attempts"):
        score_through()

    assert proxy.disturbed <= 4, "one budget, not one within another"
    assert not [key for key in keys_of(client) if key.endswith("a.parquet") and key.startswith("scored/")]
    assert not client.list_multipart_uploads(Bucket="data").get("Uploads")
