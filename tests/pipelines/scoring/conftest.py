"""A signed bundle, tables that it can score, and a function that scores them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bundle import Bundle, Identity, load_public_keys, read_bundle
from pipelines.config.settings import Settings
from pipelines.scoring.models import FolderModel
from pipelines.scoring.partitions import find_tables
from pipelines.scoring.run import Options, Summary, run_scoring


@pytest.fixture
def client(s3):
    client = boto3.client("s3", endpoint_url=s3)
    yield client
    client.close()


@pytest.fixture
def bundle_folder(make_bundle, tmp_path) -> Path:
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def bundle(bundle_folder, keys) -> Bundle:
    trusted = load_public_keys([keys.public])
    return read_bundle(bundle_folder, expected=Identity(name="orchard", version="7"), trusted_keys=trusted)


def orchard_rows(rows: int = 1000, seed: int = 0, **changes: pa.Array) -> pa.Table:
    """Valid rows with an identifier, missing values among them."""
    random = np.random.default_rng(seed)
    columns = {
        "tree": pa.array([f"T{number}" for number in range(rows)]),
        "height": pa.array(random.uniform(0, 20, rows), mask=random.random(rows) < 0.1),
        "age": pa.array(random.integers(0, 100, rows)),
        "grafted": pa.array(random.random(rows) < 0.5),
        "kind": pa.array(random.choice(["apple", "pear", "plum"], rows)),
        "soil": pa.array(random.choice(["clay", "loam", "peat", "moon"], rows), mask=random.random(rows) < 0.1),
    }
    return pa.table({**columns, **changes})


@pytest.fixture
def rows() -> Callable[..., pa.Table]:
    return orchard_rows


@pytest.fixture
def table(tmp_path) -> Path:
    """One file with rows."""
    path = tmp_path / "rows.parquet"
    pq.write_table(orchard_rows(), path, row_group_size=300)
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with three files, one of them in a folder of its own, and files that are no tables."""
    path = tmp_path / "lake"
    for number, name in enumerate(("a.parquet", "b.parquet", "2026/c.parquet")):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(orchard_rows(200 + number, seed=number), path / name)
    (path / "_SUCCESS").touch()
    (path / "readme.txt").write_text("no table")
    return path


@pytest.fixture
def score(bundle_folder, keys) -> Callable[..., Summary]:
    """Score with the small model, or with the bundle in another folder."""

    def run(source, target, bundle=bundle_folder, settings=None, **options) -> Summary:
        settings = settings or Settings()
        model = FolderModel(bundle, load_public_keys([keys.public]))
        tables = find_tables(str(source), str(target), settings)
        return run_scoring(tables, model, settings, Options(**options), lambda _rows, _share: None)

    return run
