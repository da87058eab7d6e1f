"""The files of the stages, and how tables and JSON are read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.dataset.rows import FileRows
from pipelines.errors import MissingData

__all__ = [
    "BUNDLE",
    "CONTRACT_JSON",
    "DATA_JSON",
    "GATE_JSON",
    "GATE_REPORT",
    "MEASURED_MODEL",
    "METRICS_JSON",
    "MODEL",
    "PLOTS",
    "RAW",
    "REFERENCE_JSON",
    "REGISTER_JSON",
    "RUN_JSON",
    "SPLIT_JSON",
    "TABLE",
    "TEST",
    "TRAIN",
    "TRAINING_JSON",
    "VALIDATE_JSON",
    "WORK",
    "raw_table",
    "read_json",
    "read_prepared",
    "write_json",
]

WORK = Path("pipelines/work")
RAW = WORK / "raw"
DATA_JSON = WORK / "data.json"
VALIDATE_JSON = WORK / "validate.json"
TABLE = WORK / "table.parquet"
TRAIN = WORK / "train.parquet"
TEST = WORK / "test.parquet"
SPLIT_JSON = WORK / "split.json"
MODEL = WORK / "model.ubj"
MEASURED_MODEL = WORK / "measured.ubj"
TRAINING_JSON = WORK / "training.json"
CONTRACT_JSON = WORK / "contract.json"
REFERENCE_JSON = WORK / "reference.json"
RUN_JSON = WORK / "run.json"
METRICS_JSON = WORK / "metrics.json"
PLOTS = WORK / "plots"
BUNDLE = WORK / "bundle"
GATE_JSON = WORK / "gate.json"
GATE_REPORT = WORK / "gate"
REGISTER_JSON = WORK / "register.json"


def raw_table(folder: Path = RAW) -> Path:
    """Return the table that ``fetch`` wrote, a file or a folder.

    Raises:
        MissingData: there is no such file yet.
    """
    files = sorted(folder.glob("*"))
    if len(files) != 1:
        raise MissingData(f"expected one table in {folder}, found {len(files)}; run: python -m pipelines.stages.fetch")
    return files[0]


def read_prepared(path: Path, *, stage: str = "prepare") -> pd.DataFrame:
    """Read all rows that ``prepare``, or another stage, wrote.

    Raises:
        MissingData: the file does not exist yet.
        InvalidData: the file is not valid Parquet.
    """
    return FileRows(path, stage=stage).read()


def write_json(value: Any, path: Path) -> None:
    """Write a JSON file, indented and with sorted keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True, default=str) + "\n", encoding="utf-8")


def read_json(path: Path, *, stage: str) -> Any:
    """Read the JSON file that ``stage`` wrote.

    Raises:
        MissingData: the file does not exist yet.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingData(f"{path} not found; run: python -m pipelines.stages.{stage}") from error
