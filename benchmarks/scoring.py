"""How fast is batch scoring, compared with the model's own call on a ready matrix? On the same cores, in the same run.

Call, after `espalier train`:
    python -m benchmarks.scoring --bundle pipelines/work/bundle --table pipelines/work/table.parquet --rows 1000000

Both sides alternate; the bare call has the rows as float32 in memory, and batch scoring reads them from Parquet, checks
and encodes them, counts the drift and writes its output.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from bundle import Bundle, Identity, load_public_keys, read_bundle
from bundle.layout import MANIFEST
from evaluation.columns import BLOCK_ROWS
from evaluation.encoding import encode
from evaluation.evaluator import create_evaluator
from evaluation.examination import examine

__all__ = ["main"]

DEFAULT_BATCH_ROWS = 100_000
SHARE_GOAL = 0.8

console = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the rates as JSON."""
    options = _parse(arguments)
    bundle = _read(options.bundle, options.public_key)
    cores = sorted(os.sched_getaffinity(0))[: options.cores]
    with tempfile.TemporaryDirectory(prefix="espalier-scoring-") as folder:
        table, matrix = _prepare(bundle, options.table, options.rows, Path(folder) / "rows.parquet")
        bare, scored = [], []
        for number in range(options.repeat):
            bare.append(_bare_rate(bundle, matrix, cores))
            scored.append(_scored_rate(options, table, Path(folder) / f"scored-{number}.parquet", cores))
            console.print(f"{number + 1}/{options.repeat}: bare {bare[-1]:,.0f}, scored {scored[-1]:,.0f} rows/s")
    shares = [ours / theirs for ours, theirs in zip(scored, bare, strict=True)]
    told = {
        "rows": len(matrix),
        "features": matrix.shape[1],
        "cores": len(cores),
        "bare_rows_per_second": round(statistics.median(bare)),
        "scored_rows_per_second": round(statistics.median(scored)),
        "share": round(statistics.median(shares), 3),
        "reaches_goal": statistics.median(shares) >= SHARE_GOAL,
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="folder with a signed bundle")
    parser.add_argument("--public-key", type=Path, default=Path(".espalier/keys/model.pub.pem"))
    parser.add_argument("--table", type=Path, required=True, help="valid rows; they are repeated")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    return parser.parse_args(arguments)


def _read(folder: Path, public_key: Path) -> Bundle:
    identity = Identity.model_validate(json.loads((folder / MANIFEST).read_bytes())["identity"])
    return read_bundle(folder, expected=identity, trusted_keys=load_public_keys([public_key]))


def _prepare(bundle: Bundle, source: Path, rows: int, target: Path) -> tuple[Path, npt.NDArray[np.float32]]:
    """Write a table of so many rows, and return it with its encoded rows."""
    table = pq.read_table(source)
    names = [feature.name for feature in bundle.contract.features]
    encoded = np.concatenate(
        [encode(batch.select(names).to_pylist(), bundle.contract) for batch in table.to_batches(BLOCK_ROWS)]
    )
    times = -(-rows // table.num_rows)
    pq.write_table(pa.concat_tables([table] * times).slice(0, rows), target)
    return target, np.ascontiguousarray(np.tile(encoded, (times, 1))[:rows])


def _bare_rate(bundle: Bundle, matrix: npt.NDArray[np.float32], cores: Sequence[int]) -> float:
    """Return rows per second of the evaluator that batch scoring uses, in batches of the same size."""
    evaluator = create_evaluator(bundle.model, bundle.contract, examine(bundle))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        with ThreadPoolExecutor(len(cores)) as pool:
            parts = [matrix[start : start + DEFAULT_BATCH_ROWS] for start in range(0, len(matrix), DEFAULT_BATCH_ROWS)]
            list(pool.map(evaluator.predict, parts[: len(cores)]))
            began = time.perf_counter()
            list(pool.map(evaluator.predict, parts))
            return len(matrix) / (time.perf_counter() - began)
    finally:
        os.sched_setaffinity(0, before)


def _scored_rate(options: argparse.Namespace, table: Path, target: Path, cores: Sequence[int]) -> float:
    """Return rows per second of the command, from its own summary: without its start, which does not grow with rows."""
    code = "import sys; from espalier.cli.main import main; sys.argv[0] = 'espalier'; main()"
    command = [sys.executable, "-c", code, "score", str(table), str(target), "--bundle", str(options.bundle)]
    command += ["--public-key", str(options.public_key), "--workers", str(len(cores)), "--json"]
    done = subprocess.run(  # noqa: S603 - this project's own command
        command, check=True, capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores)
    )
    return float(json.loads(done.stdout)["rows_per_second"])


if __name__ == "__main__":
    sys.exit(main())
