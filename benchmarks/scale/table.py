"""A made project with 16 features: its table of any number of rows, its schema and its parameters."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["write_project"]

NUMBERS, CATEGORIES = 14, 2
LETTERS = 12
LIMIT = 0.5
"""Above it a visit ends with an order."""

PIECE_ROWS = 500_000
"""Rows that are made and written at a time."""

START = np.datetime64("2020-01-01T00:00", "s")
YEAR_SECONDS = 365 * 24 * 3600

SCHEMA = """target: {{name: bought, type: binary, classes: [left, bought], description: Whether an order was placed}}
time: {{name: visited, timezone: UTC}}
features:
{features}"""

PARAMS = """fetch: {{pointer: pipelines/data/current.yaml}}
validate: {{min_rows: 1000}}
prepare: {{test_share: 0.2}}
train: {{seed: 1, rounds: {rounds}, threads: {threads}, booster: {{max_depth: 6, eta: 0.1}}}}
evaluate: {{threshold: 0.5, slices: [kind_0], time_slice: quarter}}
register:
  model_name: scale
  description: Made rows
  gate: {{min_roc_auc: 0.6}}
"""


def write_project(folder: Path, *, rows: int, rounds: int, threads: int) -> Path:
    """Write a project with so many rows that trains so many rounds, and return its table.

    The target follows from the features by a fixed rule with noise, so that trees have something to learn. The same
    number of rows always gives the same table.
    """
    pipelines = folder / "pipelines"
    (pipelines / "data").mkdir(parents=True)
    features = [f"  - {{name: number_{index}, type: float, minimum: -100, maximum: 100}}" for index in range(NUMBERS)]
    features += [f"  - {{name: kind_{index}, type: category}}" for index in range(CATEGORIES)]
    (pipelines / "schema.yaml").write_text(SCHEMA.format(features="\n".join(features)) + "\n", encoding="utf-8")
    (pipelines / "params.yaml").write_text(PARAMS.format(rounds=rounds, threads=threads), encoding="utf-8")
    table = pipelines / "data" / "visits.parquet"
    _write_table(table, rows)
    _write_pointer(table)
    return table


def _write_table(path: Path, rows: int) -> None:
    random, writer = np.random.default_rng(7), None
    for start in range(0, rows, PIECE_ROWS):
        piece = _piece(random, start, min(PIECE_ROWS, rows - start), rows)
        writer = writer or pq.ParquetWriter(path, piece.schema)
        writer.write_table(piece)
    if writer is not None:
        writer.close()


def _piece(random: np.random.Generator, start: int, count: int, rows: int) -> pa.Table:
    numbers = random.normal(size=(count, NUMBERS)).astype(np.float32)
    kinds = random.integers(LETTERS, size=(count, CATEGORIES))
    margin = numbers[:, 0] + 0.5 * numbers[:, 1] * numbers[:, 2] + 0.2 * (kinds[:, 0] % 3) + random.normal(size=count)
    times = START + ((start + np.arange(count)) / rows * YEAR_SECONDS).astype("timedelta64[s]")
    letters = np.array([f"letter {index}" for index in range(LETTERS)])
    columns = {"visited": times, **{f"number_{index}": numbers[:, index] for index in range(NUMBERS)}}
    columns |= {f"kind_{index}": letters[kinds[:, index]] for index in range(CATEGORIES)}
    return pa.table(columns | {"bought": (margin > LIMIT).astype(np.int8)})


def _write_pointer(table: Path) -> None:
    with table.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    pointer = table.with_name(f"{table.name}.dvc")
    pointer.write_text(
        f"outs:\n- md5: {md5}\n  size: {table.stat().st_size}\n  hash: md5\n  path: {table.name}\n", encoding="utf-8"
    )
    table.with_name("current.yaml").symlink_to(pointer.name)
