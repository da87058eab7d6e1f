"""The data remote. The only module that uses DVC to transfer data.

Reads:  .dvc/config, the URL in the settings, and the usual AWS_* credentials.
Gives:  push and fetch of the file or folder that a pointer names.
Never:  changes a pointer, or the tracked file in the work tree.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_not_exception_type, stop_after_attempt, wait_exponential

from pipelines.config.settings import Settings
from pipelines.dataset.folder import Listed, check_folder, check_listed, read_listing, sha256_of
from pipelines.dataset.pointer import Pointer, check_file
from pipelines.dataset.site_cache import private_site_cache
from pipelines.dataset.time_limit import CONNECT_SECONDS, limit_seconds, time_limit
from pipelines.errors import AlteredData, DiskFull, MissingData, PipelineError, Unreachable
from pipelines.progress import progress_bar

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
            return bool(self._retrying(repo, lambda: _is_there(repo, pointer.md5)))

    def forget(self, pointer: Pointer) -> None:
        """Delete the local copy, so that the next ``fetch`` uses the remote."""
        with self._open() as repo:
            repo.cache.local.delete(pointer.md5)

    def push(self, pointer: Pointer, table: Path) -> None:
        """Upload a file or a folder to the remote, unless it is already there.

        Raises:
            AlteredData: it differs from its pointer.
            Unreachable: the upload failed within the retry budget.
        """
        listing, files = check_folder(table, pointer) if pointer.is_folder else (b"", [])
        if not pointer.is_folder:
            check_file(table, pointer)
        with self._open() as repo:
            cache = repo.cache.local
            for listed in files:
                cache.add(str((table / listed.path).resolve()), cache.fs, listed.md5)
            if pointer.is_folder:
                _store(cache, pointer.md5, listing)
                self._transfer(repo, repo.cloud.push, pointer, [listed.md5 for listed in files])
            else:
                cache.add(str(table.resolve()), cache.fs, pointer.md5)
            self._transfer(repo, repo.cloud.push, pointer, [pointer.md5])  # a listing after all that it names

    def fetch(self, pointer: Pointer, target: Path) -> str:
        """Download the file or folder that ``pointer`` names to ``target``, and return its SHA-256.

        Raises:
            MissingData: the remote does not have it.
            AlteredData: the downloaded data differs from its pointer; ``target`` is unchanged.
            DiskFull: there is no space for it.
            Unreachable: the remote did not answer within the retry budget.
        """
        unfinished = target.with_name(f"{target.name}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as repo:
            try:
                if pointer.is_folder:
                    return self._fetch_folder(repo, pointer, unfinished, target)
                return self._fetch_file(repo, pointer, unfinished, target)
            finally:
                shutil.rmtree(unfinished) if unfinished.is_dir() else unfinished.unlink(missing_ok=True)

    def _fetch_file(self, repo: Any, pointer: Pointer, unfinished: Path, target: Path) -> str:
        cache = repo.cache.local
        is_cached = _is_cached(cache, pointer.md5, pointer.size_bytes)
        _check_space(self._root, pointer.size_bytes * (1 if is_cached else 2))  # the cache has a copy
        if not is_cached:
            self._transfer(repo, repo.cloud.pull, pointer, [pointer.md5])
        _copy_out(cache, pointer.md5, unfinished)
        sha256 = check_file(unfinished, pointer)
        unfinished.replace(target)
        return sha256

    def _fetch_folder(self, repo: Any, pointer: Pointer, unfinished: Path, target: Path) -> str:
        """The size of each file is not known: of half of one in the cache, the MD5 differs."""
        cache = repo.cache.local
        files = self._listing(repo, pointer)
        missing = [listed.md5 for listed in files if not cache.exists(listed.md5)]
        _check_space(self._root, pointer.size_bytes * (2 if missing else 1))
        if missing:
            self._transfer(repo, repo.cloud.pull, pointer, missing)
        found = []
        with progress_bar(f"copying {pointer.name}", len(files)) as advance:
            for listed in files:
                found.append((listed, self._copy_listed(repo, listed, unfinished, pointer)))
                advance(str(listed.path))
        unfinished.replace(target)
        return sha256_of(found)

    def _copy_listed(self, repo: Any, listed: Listed, folder: Path, pointer: Pointer) -> str:
        cache, file = repo.cache.local, folder / listed.path
        file.parent.mkdir(parents=True, exist_ok=True)
        _copy_out(cache, listed.md5, file)
        try:
            return check_listed(file, listed, pointer)
        except AlteredData:  # half an object that a killed run left; what is fetched again is checked again
            cache.delete(listed.md5)
            self._transfer(repo, repo.cloud.pull, pointer, [listed.md5])
            _copy_out(cache, listed.md5, file)
            return check_listed(file, listed, pointer)

    def _listing(self, repo: Any, pointer: Pointer) -> list[Listed]:
        cache = repo.cache.local
        if cache.exists(pointer.md5):
            try:
                return read_listing(Path(cache.oid_to_path(pointer.md5)).read_bytes(), pointer)
            except AlteredData:  # as for a file
                cache.delete(pointer.md5)
        self._transfer(repo, repo.cloud.pull, pointer, [pointer.md5])
        return read_listing(Path(cache.oid_to_path(pointer.md5)).read_bytes(), pointer)

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

    def _transfer(self, repo: Any, move: Any, pointer: Pointer, objects: Sequence[str]) -> None:
        transfer = partial(_move_once, repo, move, pointer, objects, self._name(repo))
        self._retrying(repo, transfer, size=pointer.size_bytes)

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


def _is_cached(cache: Any, md5: str, size_bytes: int) -> bool:
    """Return whether the cache has the object; half of one, which a killed run left, is deleted: DVC would take it."""
    if not cache.exists(md5):
        return False
    if Path(cache.oid_to_path(md5)).stat().st_size == size_bytes:
        return True
    cache.delete(md5)
    return False


def _store(cache: Any, md5: str, content: bytes) -> None:
    """Put a listing into the cache."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "listing"
        file.write_bytes(content)
        cache.add(str(file), cache.fs, md5)


def _copy_out(cache: Any, md5: str, file: Path) -> None:
    if not cache.exists(md5):  # DVC deletes an object with another hash
        raise AlteredData(f"the object {md5} on the data remote is corrupt; push the data again")
    shutil.copyfile(cache.oid_to_path(md5), file)


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


def _is_there(repo: Any, md5: str) -> bool:
    remote = repo.cloud.get_remote_odb(None, "fetch", hash_name="md5")
    try:
        # Not ``exists``: it returns False when the server is unavailable.
        remote.fs.info(remote.oid_to_path(md5))
    except FileNotFoundError:
        return False
    return True


def _move_once(repo: Any, move: Any, pointer: Pointer, objects: Sequence[str], name: str) -> None:
    from dvc_data.hashfile.hash_info import HashInfo

    if move == repo.cloud.pull and not _is_there(repo, objects[0]):
        raise MissingData(
            f"the data remote {name} has no object {objects[0]}, which {pointer.source} names; if the pointer is "
            "correct, upload the data with: espalier data push"
        )
    result = move([HashInfo("md5", md5) for md5 in objects])
    if result.failed:
        raise ConnectionError("the transfer is incomplete")


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
