"""Tables below a prefix of an S3 bucket.

Uses the address and the retries of the data remote (PIPELINE_S3_ENDPOINT_URL, PIPELINE_REMOTE_RETRIES) and the usual
AWS_* credentials. An object is read in the state that it had at first, and written by one request or a multipart
upload, so that it is never seen incomplete. Parts of a process that was killed stay in the bucket until a lifecycle
rule removes them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, cast

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from pipelines.config.settings import Settings
from pipelines.dataset.time_limit import CONNECT_SECONDS, limit_seconds, time_limit
from pipelines.errors import AlteredData, MissingData, PipelineError, Unreachable
from pipelines.scoring.s3_files import RangeReader, Upload

__all__ = ["Prefix"]

MISSING = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")
CHANGED = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")
UNSUPPORTED = ("501", "NotImplemented")
TEMPORARY = (429, 500, 502, 503, 504)
"""Status codes."""

Answer = TypeVar("Answer")


class _Refused(PipelineError):
    """S3 has answered with an error code."""

    def __init__(self, text: str, code: str = "") -> None:
        """Store both; an error that comes from another process has the text alone."""
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class _RemoteInput:
    file: BinaryIO
    etag: str

    def digest(self) -> str:
        return f"etag:{self.etag.strip(chr(34))}"

    def check(self) -> None:
        """Every range was requested with the ETag, so there is nothing left to check."""


class Prefix:
    """A prefix of a bucket."""

    def __init__(self, address: str, settings: Settings) -> None:
        """Store the URL, and create a client; nothing is sent yet."""
        self._address = address.rstrip("/")
        self._bucket, _, prefix = self._address.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._attempts = 1 + settings.remote_retries
        self._settings = settings
        self._client = _client(settings)

    def names(self) -> list[str]:
        """Return the names of all objects, without hidden ones."""
        found: list[str] = []
        options: dict[str, str] = {}
        while True:
            page = self._ask("list_objects_v2", Bucket=self._bucket, Prefix=self._prefix, **options)
            found += [entry["Key"].removeprefix(self._prefix) for entry in page.get("Contents", ())]
            if not page.get("IsTruncated"):
                break
            options = {"ContinuationToken": page["NextContinuationToken"]}
        return sorted(name for name in found if name and not any(part[:1] in ("", ".") for part in name.split("/")))

    def address(self, name: str) -> str:
        """Return the URL of an object."""
        return f"{self._address}/{name}"

    @contextmanager
    def open(self, name: str) -> Iterator[_RemoteInput]:
        """Open an object; its digest is its ETag."""
        target = self._target(name)
        try:
            head = self._ask("head_object", **target)
        except _Refused as error:
            if error.code in MISSING:
                raise MissingData(f"{self.address(name)} not found") from error
            raise
        etag = head["ETag"]

        def get(byte_range: str) -> bytes:
            try:
                return self._get(**target, Range=byte_range, IfMatch=etag)
            except _Refused as error:
                if error.code in (*CHANGED, *MISSING):
                    raise AlteredData(
                        f"{self.address(name)} changed while it was read; run again when nothing writes it any more"
                    ) from error
                raise

        file = cast(BinaryIO, RangeReader(get, head["ContentLength"]))
        yield _RemoteInput(file, etag)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """Upload an object; it exists when the block has succeeded."""
        upload = Upload(self._ask, self._target(name))
        try:
            yield cast(BinaryIO, upload)
            upload.commit()
        except BaseException:
            with suppress(PipelineError):
                upload.abort()
            raise

    def read(self, name: str) -> bytes | None:
        """Return the content of a small object."""
        try:
            return self._get(**self._target(name))
        except _Refused as error:
            if error.code in MISSING:
                return None
            raise

    def create(self, name: str, content: bytes) -> bytes:
        """Write a small object unless it exists, and read it: some S3 servers do not know the condition."""
        try:
            self._ask("put_object", **self._target(name), Body=content, IfNoneMatch="*")
        except _Refused as error:
            if error.code in UNSUPPORTED and self.read(name) is None:
                self.replace(name, content)
            elif error.code not in (*CHANGED, *UNSUPPORTED):
                raise
        return self.read(name) or content

    def replace(self, name: str, content: bytes) -> None:
        """Write a small object."""
        self._ask("put_object", **self._target(name), Body=content)

    def _target(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}{name}"}

    def _ask(self, operation: str, **options: Any) -> dict[str, Any]:
        """Send one request, and again within the retries."""
        seconds = limit_seconds(self._settings, len(options.get("Body", b"")))

        def once() -> dict[str, Any]:
            with time_limit(seconds):
                answer: dict[str, Any] = getattr(self._client, operation)(**options)
                return answer

        return self._retrying(once, operation, options)

    def _get(self, **options: Any) -> bytes:
        """Return the content of an object, or of a range."""

        def once() -> bytes:
            with time_limit(limit_seconds(self._settings)):
                answer = self._client.get_object(**options)
            # pyarrow reads in threads, which get no signal. A connection that is shut down ends the read of it.
            connection, size = answer["Body"]._raw_stream, answer["ContentLength"]
            timer = threading.Timer(limit_seconds(self._settings, size), connection.shutdown)
            timer.start()
            try:
                return cast(bytes, answer["Body"].read())
            finally:
                timer.cancel()

        return self._retrying(once, "get_object", options)

    def _retrying(self, once: Callable[[], Answer], operation: str, options: dict[str, Any]) -> Answer:
        retrying = Retrying(
            stop=stop_after_attempt(self._attempts),
            wait=wait_exponential(multiplier=0.5, max=10),
            retry=retry_if_exception(_is_temporary),
            reraise=True,
        )
        with self._reporting(operation, options.get("Key", self._prefix)):
            return retrying(once)

    @contextmanager
    def _reporting(self, operation: str, key: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
            raise _Refused(
                f"S3 refused {operation} of s3://{self._bucket}/{key}: {code} {message}; check the URL and the AWS_* "
                "credentials",
                code,
            ) from error
        except (BotoCoreError, TimeoutError) as error:
            raise Unreachable(
                f"{self._address} did not answer in {self._attempts} attempts ({str(error).splitlines()[0]}); check "
                "PIPELINE_S3_ENDPOINT_URL and the AWS_* credentials"
            ) from error


def _is_temporary(error: BaseException) -> bool:
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError

    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in TEMPORARY
    return isinstance(error, HTTPClientError | ConnectionError | IncompleteReadError | TimeoutError)


def _client(settings: Settings) -> Any:
    import botocore.session
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=settings.remote_timeout_seconds,
        retries={"total_max_attempts": 1},  # each attempt of this module is one; botocore's do not cover reading
    )
    return botocore.session.get_session().create_client(
        "s3", endpoint_url=settings.s3_endpoint_url or None, config=config
    )
