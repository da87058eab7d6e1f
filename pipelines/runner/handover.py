"""Take over the output of the training container without trusting it.

In a training pod, the stages up to ``evaluate`` run in one container, and the gate, which holds the signing key, in
another. They share one volume. This module copies from it the files that ``register`` reads, by name, and nothing else:
no code, no parameters, no schema, and it follows no links.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

import xgboost as xgb
from pydantic import BaseModel, RootModel, ValidationError

from bundle import BundleMetrics, Contract, HashSplit, Reference
from pipelines.config.files import describe_problems
from pipelines.dataset.files import (
    CONTRACT_JSON,
    DATA_JSON,
    MEASURED_MODEL,
    METRICS_JSON,
    MODEL,
    REFERENCE_JSON,
    RUN_JSON,
    SPLIT_JSON,
    TEST,
    TRAINING_JSON,
    WORK,
)
from pipelines.dataset.pointer import Pointer
from pipelines.dataset.trained_rows import Training
from pipelines.dataset.whole_file import whole_file
from pipelines.errors import AlteredData, InvalidData, MissingData

__all__ = ["HANDED_OVER", "check", "take_over"]

KIB, MIB, GIB = 2**10, 2**20, 2**30
CHUNK_BYTES = MIB
UBJSON_OBJECT = b"{"

HANDED_OVER = {
    DATA_JSON: 64 * KIB,
    RUN_JSON: 64 * KIB,
    CONTRACT_JSON: 16 * MIB,
    REFERENCE_JSON: 16 * MIB,
    METRICS_JSON: 16 * MIB,
    TRAINING_JSON: 64 * KIB,
    SPLIT_JSON: 64 * KIB,
    MODEL: 512 * MIB,
    MEASURED_MODEL: 512 * MIB,
    TEST: GIB,
}
"""Every file that ``register`` reads from earlier stages, and its maximum size in bytes."""


class _Data(BaseModel):
    name: str
    md5: str
    sha256: str


class _Run(BaseModel):
    run_id: str


class _Split(RootModel[HashSplit | None]):
    """Null if the rows were split by time."""


FORMATS: dict[Path, type[BaseModel]] = {
    DATA_JSON: _Data,
    RUN_JSON: _Run,
    CONTRACT_JSON: Contract,
    REFERENCE_JSON: Reference,
    METRICS_JSON: BundleMetrics,
    TRAINING_JSON: Training,
    SPLIT_JSON: _Split,
}


def take_over(source: Path, target: Path = WORK) -> None:
    """Copy the files that ``register`` reads from ``source``, the folder pipelines/work of another container.

    Existing files in ``target`` are replaced, so that a second attempt starts from the same state.

    Raises:
        MissingData: a file is missing.
        InvalidData: a file is a link, a device or a folder, or exceeds its maximum size.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path, limit in HANDED_OVER.items():
        with _open(source / path.name, limit) as file:
            _copy(file, target / path.name, limit)


def check(pointer: Pointer) -> None:
    """Check the formats of the files, and that the data is that of the gate's own pointer.

    Raises:
        InvalidData: a file is malformed.
        AlteredData: data.json names other data than ``pointer``.
    """
    for path, form in FORMATS.items():
        try:
            form.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise InvalidData(describe_problems(path, error)) from error
    for path in (MODEL, MEASURED_MODEL):
        _check_model(path)
    md5 = _Data.model_validate_json(DATA_JSON.read_bytes()).md5
    if md5 != pointer.md5:
        raise AlteredData(
            f"{DATA_JSON} has MD5 {md5}, but {pointer.source} names {pointer.md5}: the model was trained on other "
            "data; train again"
        )


def _check_model(path: Path) -> None:
    content = path.read_bytes()
    if content[:1] != UBJSON_OBJECT:  # XGBoost terminates the process on empty input
        raise InvalidData(f"{path} is not a model: it is not UBJSON")
    try:
        xgb.Booster().load_model(bytearray(content))
    except xgb.core.XGBoostError as error:
        raise InvalidData(f"{path} is not a model: {str(error).strip().splitlines()[0]}") from error


def _open(path: Path, limit: int) -> IO[bytes]:
    try:
        # Non-blocking: opening a named pipe would wait for a writer forever.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except FileNotFoundError as error:
        raise MissingData(f"{path} not found; run: espalier train --until evaluate") from error
    except OSError as error:
        raise InvalidData(f"{path} is not a regular file, or cannot be read: {error.strerror}") from error
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size <= limit:
        return file
    file.close()
    if not stat.S_ISREG(status.st_mode):
        raise InvalidData(f"{path} is not a regular file")
    raise _too_large(path, limit)


def _copy(file: IO[bytes], target: Path, limit: int) -> None:
    with whole_file(target) as unfinished, unfinished.open("wb") as copy:
        while chunk := file.read(CHUNK_BYTES):
            if copy.tell() + len(chunk) > limit:  # it grew while being read
                raise _too_large(target, limit)
            copy.write(chunk)


def _too_large(path: Path, limit: int) -> InvalidData:
    return InvalidData(f"{path} is larger than its limit of {limit:,} bytes")
