"""Take over what the training container left, without trusting it to be what it should be.

In a training pod the stages up to ``evaluate`` run in a container of their own, and the gate, which holds the signing
key, in another. Between them lies one volume. This module copies the files that ``register`` reads from there, by name,
and nothing else: no code, no parameters, no schema, and nothing by way of a link.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

import xgboost as xgb
from pydantic import BaseModel, ValidationError

from bundle import BundleMetrics, Contract, Reference
from pipelines.config.params import describe_problems
from pipelines.dataset.files import (
    CONTRACT_JSON,
    DATA_JSON,
    MEASURED_MODEL,
    METRICS_JSON,
    MODEL,
    REFERENCE_JSON,
    RUN_JSON,
    TEST,
    TRAINING_JSON,
    WORK,
)
from pipelines.dataset.pointer import Pointer
from pipelines.dataset.trained_rows import Training
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
    MODEL: 512 * MIB,
    MEASURED_MODEL: 512 * MIB,
    TEST: GIB,
}
"""Every file that ``register`` reads from the stages before it, and how many bytes it may have."""


class _Data(BaseModel):
    name: str
    md5: str
    sha256: str


class _Run(BaseModel):
    run_id: str


FORMATS: dict[Path, type[BaseModel]] = {
    DATA_JSON: _Data,
    RUN_JSON: _Run,
    CONTRACT_JSON: Contract,
    REFERENCE_JSON: Reference,
    METRICS_JSON: BundleMetrics,
    TRAINING_JSON: Training,
}


def take_over(source: Path, target: Path = WORK) -> None:
    """Copy the files that ``register`` reads from ``source``, the folder pipelines/work of another container.

    A file that is already in ``target`` is replaced, so that a second try begins from the same state.

    Raises:
        MissingData: a file is not there.
        InvalidData: a file is a link, a device or a folder, or larger than its limit.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path, limit in HANDED_OVER.items():
        with _open(source / path.name, limit) as file:
            _copy(file, target / path.name, limit)


def check(pointer: Pointer) -> None:
    """Hold what was taken over against its formats, and its data against the pointer that the gate itself was given.

    Raises:
        InvalidData: a file is not what its stage writes.
        AlteredData: data.json names other data than ``pointer``.
    """
    for path, form in FORMATS.items():
        try:
            form.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise InvalidData(describe_problems(path, error)) from error
    for path in (MODEL, MEASURED_MODEL):
        _check_model(path)
    found = _Data.model_validate_json(DATA_JSON.read_bytes()).md5
    if found != pointer.md5:
        raise AlteredData(
            f"{DATA_JSON} says that the data has the MD5 {found}, but {pointer.source} names {pointer.md5}: what was "
            "handed over is of other data; train again"
        )


def _check_model(path: Path) -> None:
    content = path.read_bytes()
    if content[:1] != UBJSON_OBJECT:  # XGBoost ends the process when it is given nothing
        raise InvalidData(f"{path} is not a model: it does not begin as UBJSON does")
    try:
        xgb.Booster().load_model(bytearray(content))
    except xgb.core.XGBoostError as error:
        raise InvalidData(f"{path} is not a model: {str(error).strip().splitlines()[0]}") from error


def _open(path: Path, limit: int) -> IO[bytes]:
    try:
        # Not blocking: opening a named pipe would wait for a writer for ever.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except FileNotFoundError as error:
        raise MissingData(f"{path} is not there; run: espalier train --until evaluate") from error
    except OSError as error:
        raise InvalidData(f"{path} is not a regular file that can be read: {error.strerror}") from error
    found = os.fstat(file.fileno())
    if stat.S_ISREG(found.st_mode) and found.st_size <= limit:
        return file
    file.close()
    if not stat.S_ISREG(found.st_mode):
        raise InvalidData(f"{path} is not a regular file, and is not taken over")
    raise _too_large(path, limit)


def _copy(file: IO[bytes], target: Path, limit: int) -> None:
    unfinished = target.with_name(f"{target.name}.part")
    try:
        with unfinished.open("wb") as copy:
            while chunk := file.read(CHUNK_BYTES):
                if copy.tell() + len(chunk) > limit:  # it grew while it was read
                    raise _too_large(target, limit)
                copy.write(chunk)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _too_large(path: Path, limit: int) -> InvalidData:
    return InvalidData(f"{path} is larger than {limit:,} bytes, the limit of what is taken over")
