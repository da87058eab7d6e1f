"""The data remote. The only module that uses DVC to transfer data.

Reads:  .dvc/config, the URL in the settings, and the usual AWS_* credentials.
Gives:  push and fetch of the object that a pointer names.
Never:  changes a pointer, or the tracked file in the work tree.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_not_exception_type, stop_after_attempt, wait_exponential

from pipelines.config.settings import Settings
from pipelines.dataset.pointer import Pointer, check_file
from pipelines.dataset.site_cache import private_site_cache
from pipelines.dataset.time_limit import CONNECT_SECONDS, limit_seconds, time_limit
from pipelines.errors import AlteredData, DiskFull, MissingData, PipelineError, Unreachable

__all__ = ["Remote"]


class Remote:
    """The remote that stores the data behind the pointers."""

    def __init__(self, settings: Settings, root: Path = Path()) -> None:
        """Store the settings; nothing is opened yet."""
        self._settings = settings
        self._root = root

    def has(self, pointer: Pointer) -> bool:
        """Tell whether the remote has the object.

        Raises:
            Unreachable: the remote did not answer within the retry budget.
        """
        with self._open() as repo:
            return bool(self._retrying(repo, lambda: _is_there(repo, pointer)))

    def forget(self, pointer: Pointer) -> None:
        """Delete the local copy, so that the next ``fetch`` uses the remote."""
        with self._open() as repo:
            repo.cache.local.delete(pointer.md5)

    def push(self, pointer: Pointer, file: Path) -> None:
        """Upload ``file`` to the remote, unless it is already there.

        Raises:
            AlteredData: the file differs from its pointer.
            Unreachable: the upload failed within the retry budget.
        """
        check_file(file, pointer)
        with self._open() as repo:
            cache = repo.cache.local
            cache.add(str(file.resolve()), cache.fs, pointer.md5)
            self._transfer(repo, repo.cloud.push, pointer)

    def fetch(self, pointer: Pointer, target: Path) -> str:
        """Download the object that ``pointer`` names to ``target``, and return its SHA-256.

        Raises:
            MissingData: the remote does not have it.
            AlteredData: the downloaded data differs from its pointer; ``target`` is unchanged.
            DiskFull: there is no space for it.
            Unreachable: the remote did not answer within the retry budget.
        """
        with self._open() as repo:
            cache = repo.cache.local
            is_cached = _is_cached(cache, pointer)
            _check_space(self._root, pointer.size_bytes * (1 if is_cached else 2))  # the cache has a copy
            if not is_cached:
                self._transfer(repo, repo.cloud.pull, pointer)
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix(target.suffix + ".part")
            if not cache.exists(pointer.md5):  # DVC deletes an object with another hash
                raise AlteredData(f"the object {pointer.md5} on the data remote is corrupt; push the data again")
            shutil.copyfile(cache.oid_to_path(pointer.md5), unfinished)
        try:
            sha256 = check_file(unfinished, pointer)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        return sha256

    @contextmanager
    def _open(self) -> Iterator[Any]:
        from dvc.exceptions import DvcException
        from dvc.repo import Repo

        logging.getLogger("dvc").setLevel(logging.CRITICAL)  # it would log the same errors, with tracebacks
        try:
            repo = Repo(str(self._root.resolve()), config=self._config())
        except DvcException as error:
            raise MissingData(f"{self._root.resolve()} is not a DVC project: {error}") from error
        try:
            yield repo
        finally:
            repo.close()

    def _config(self) -> dict[str, Any]:
        core: dict[str, Any] = {"site_cache_dir": private_site_cache(self._root)}
        if not self._settings.remote_url:
            return {"core": core}
        remote: dict[str, Any] = {"url": self._settings.remote_url}
        if self._settings.remote_url.startswith("s3://"):
            remote |= {"connect_timeout": CONNECT_SECONDS, "read_timeout": self._settings.remote_timeout_seconds}
            if self._settings.s3_endpoint_url:
                remote["endpointurl"] = self._settings.s3_endpoint_url
        return {"core": core | {"remote": "from-environment"}, "remote": {"from-environment": remote}}

    def _transfer(self, repo: Any, move: Any, pointer: Pointer) -> None:
        self._retrying(repo, lambda: _move_once(repo, move, pointer, self._name(repo)), size=pointer.size_bytes)

    def _retrying(self, repo: Any, ask: Callable[[], Any], *, size: int = 0) -> Any:
        _try_once(repo)
        seconds = limit_seconds(self._settings, size)

        def ask_in_time() -> Any:
            with time_limit(seconds):
                return ask()

        tries = 1 + self._settings.remote_retries
        retrying = Retrying(
            stop=stop_after_attempt(tries),
            wait=wait_exponential(multiplier=0.5, max=10),
            retry=retry_if_not_exception_type(PipelineError),
            reraise=True,
        )
        try:
            return retrying(ask_in_time)
        except PipelineError:
            raise
        except Exception as error:
            if DiskFull.is_meant_by(error):
                raise
            raise Unreachable(
                f"the data remote {self._name(repo)} did not answer in {tries} attempts ({_first_line(error)}); check "
                "PIPELINE_REMOTE_URL, PIPELINE_S3_ENDPOINT_URL and the AWS_* credentials"
            ) from error

    def _name(self, repo: Any) -> str:
        return self._settings.remote_url or str(repo.config["remote"][repo.config["core"]["remote"]]["url"])


def _is_cached(cache: Any, pointer: Pointer) -> bool:
    """Return whether the cache has the object; half of one, which a killed run left, is deleted: DVC would take it."""
    if not cache.exists(pointer.md5):
        return False
    if Path(cache.oid_to_path(pointer.md5)).stat().st_size == pointer.size_bytes:
        return True
    cache.delete(pointer.md5)
    return False


def _check_space(folder: Path, needed: int) -> None:
    """Refuse before a transfer: DVC would try again and again, and say nothing of the reason."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(
            f"the table and its copy in DVC's cache need {needed / 2**20:,.0f} MiB, and {folder.resolve()} has "
            f"{free / 2**20:,.0f} MiB left; delete what is not needed, or give the Job a larger volume "
            "(training.workSize)"
        )


def _try_once(repo: Any) -> None:
    """Have s3fs and botocore try once: their attempts within each attempt of this module would take hours."""
    files = repo.cloud.get_remote_odb(None, "fetch", hash_name="md5").fs.fs
    if "s3" in files.protocol:
        files.retries = 1
        files.config_kwargs["retries"] = {"total_max_attempts": 1}


def _is_there(repo: Any, pointer: Pointer) -> bool:
    remote = repo.cloud.get_remote_odb(None, "fetch", hash_name="md5")
    try:
        # Not ``exists``: it returns False when the server is unavailable.
        remote.fs.info(remote.oid_to_path(pointer.md5))
    except FileNotFoundError:
        return False
    return True


def _move_once(repo: Any, move: Any, pointer: Pointer, name: str) -> None:
    from dvc_data.hashfile.hash_info import HashInfo

    if move == repo.cloud.pull and not _is_there(repo, pointer):
        raise MissingData(
            f"the data remote {name} has no object {pointer.md5}, which {pointer.source} names; if the pointer is "
            "correct, upload the data with: espalier data push"
        )
    result = move([HashInfo("md5", pointer.md5)])
    if result.failed:
        raise ConnectionError("the transfer is incomplete")


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
