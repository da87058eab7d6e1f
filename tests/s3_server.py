"""A real S3 server on loopback."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from espalier.local.processes import free_port


@pytest.fixture
def s3(need: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server with one empty bucket, called data, and its credentials in the environment."""
    import boto3

    program, port = need("versitygw"), free_port()
    folder = tmp_path / "s3"
    folder.mkdir()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "espalier")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "for-this-test-alone")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    arguments = [program, "--access", "espalier", "--secret", "for-this-test-alone", "--port", f"127.0.0.1:{port}"]
    process = subprocess.Popen([*arguments, "posix", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    client = boto3.client("s3", endpoint_url=url)
    try:
        for _ in range(100):
            try:
                client.create_bucket(Bucket="data")
                break
            except client.exceptions.ClientError:
                raise
            except Exception:
                time.sleep(0.1)
        yield url
    finally:
        client.close()
        process.terminate()
        process.wait(10)
