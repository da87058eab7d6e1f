"""The data's remote. The only module that talks to DVC.

Reads:  .dvc/config, and from the settings the remote's URL; S3 credentials as every AWS client does.
Gives:  push and fetch of the one object that a pointer names.
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
from pipelines.errors import AlteredData, MissingData, PipelineError, Unreachable

__all__ = ["Remote"]

CONNECT_SECONDS = 5
READ_SECONDS = 60


class Remote:
    """Where the bytes behind pointers lie."""

    def __init__(self, settings: Settings, root: Path = Path()) -> None:
        """Say which remote; nothing is opened yet."""
        self._settings = settings
        self._root = root

    def has(self, pointer: Pointer) -> bool:
        """Tell whether the remote has the bytes.

        Raises:
            Unreachable: the remote did not answer within the retry budget.
        """
        with self._open() as repo:
            return bool(self._retrying(repo, lambda: _is_there(repo, pointer)))

    def forget(self, pointer: Pointer) -> None:
        """Drop the local copy, so that the next ``fetch`` asks the remote."""
        with self._open() as repo:
            repo.cache.local.delete(pointer.md5)

    def push(self, pointer: Pointer, file: Path) -> None:
        """Put the bytes of ``file`` on the remote, unless they are there.

        Raises:
            AlteredData: the file is not what the pointer names.
            Unreachable: the remote did not take it within the retry budget.
        """
        check_file(file, pointer)
        with self._open() as repo:
            cache = repo.cache.local
            cache.add(str(file.resolve()), cache.fs, pointer.md5)
            self._transfer(repo, repo.cloud.push, pointer)

    def fetch(self, pointer: Pointer, target: Path) -> str:
        """Bring the bytes that ``pointer`` names to ``target``, and return their SHA-256.

        Raises:
            MissingData: the remote does not have them.
            AlteredData: what came is not what the pointer names; ``target`` is left as it was.
            Unreachable: the remote did not answer within the retry budget.
        """
        with self._open() as repo:
            cache = repo.cache.local
            if not cache.exists(pointer.md5):
                self._transfer(repo, repo.cloud.pull, pointer)
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix(target.suffix + ".part")
            if not cache.exists(pointer.md5):  # DVC drops what it finds to be something else
                raise AlteredData(f"the object {pointer.md5} on the data remote holds other bytes; push the data again")
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

        logging.getLogger("dvc").setLevel(logging.CRITICAL)  # its own reports come beside ours, with tracebacks
        try:
            repo = Repo(str(self._root.resolve()), config=self._config())
        except DvcException as error:
            raise MissingData(f"{self._root.resolve()} is no DVC project: {error}") from error
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
            remote |= {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
            if self._settings.s3_endpoint_url:
                remote["endpointurl"] = self._settings.s3_endpoint_url
        return {"core": core | {"remote": "from-environment"}, "remote": {"from-environment": remote}}

    def _transfer(self, repo: Any, move: Any, pointer: Pointer) -> None:
        self._retrying(repo, lambda: _move_once(repo, move, pointer, self._name(repo)))

    def _retrying(self, repo: Any, ask: Callable[[], Any]) -> Any:
        tries = 1 + self._settings.remote_retries
        retrying = Retrying(
            stop=stop_after_attempt(tries),
            wait=wait_exponential(multiplier=0.5, max=10),
            retry=retry_if_not_exception_type(PipelineError),
            reraise=True,
        )
        try:
            return retrying(ask)
        except PipelineError:
            raise
        except Exception as error:
            raise Unreachable(
                f"the data remote {self._name(repo)} did not answer in {tries} tries ({_first_line(error)}); check "
                "PIPELINE_REMOTE_URL, PIPELINE_S3_ENDPOINT_URL and the AWS_* credentials"
            ) from error

    def _name(self, repo: Any) -> str:
        return self._settings.remote_url or str(repo.config["remote"][repo.config["core"]["remote"]]["url"])


def _is_there(repo: Any, pointer: Pointer) -> bool:
    remote = repo.cloud.get_remote_odb(None, "fetch", hash_name="md5")
    try:
        # Not ``exists``: that takes a server that is unavailable for one that has nothing.
        remote.fs.info(remote.oid_to_path(pointer.md5))
    except FileNotFoundError:
        return False
    return True


def _move_once(repo: Any, move: Any, pointer: Pointer, name: str) -> None:
    from dvc_data.hashfile.hash_info import HashInfo

    if move == repo.cloud.pull and not _is_there(repo, pointer):
        raise MissingData(
            f"the data remote {name} has no object {pointer.md5}, which {pointer.source} names; if the pointer is "
            "right, put the data there with: espalier data push"
        )
    result = move([HashInfo("md5", pointer.md5)])
    if result.failed:
        raise ConnectionError("the transfer was not complete")


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
