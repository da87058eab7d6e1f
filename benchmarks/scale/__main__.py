"""Measure the pipeline and training alone on tables of several sizes: ``python -m benchmarks.scale``."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.errors import BenchmarkFailed
from benchmarks.machine import describe_commit, describe_machine
from benchmarks.scale.dask_cluster import dask_cluster
from benchmarks.scale.table import write_project
from benchmarks.scale.watch import Watched, watch

__all__ = ["main", "measure"]

SIZES = "336000,3000000"
STAGES = ("fetch", "validate", "prepare", "train", "evaluate")

_aside = Console(stderr=True, highlight=False)


def measure(rows: int, rounds: int, threads: int, workers: Sequence[int] = ()) -> dict[str, Any]:
    """Return seconds and MiB of each stage, and those of training alone, on a table of so many rows.

    Args:
        rounds: of boosting.
        workers: numbers of Dask workers to train the same rows with too.
    """
    with tempfile.TemporaryDirectory(prefix="espalier-scale-") as name:
        folder = Path(name)
        table = write_project(folder, rows=rows, rounds=rounds, threads=threads)
        size = table.stat().st_size
        espalier = str(Path(sys.executable).with_name("espalier"))
        bare, memory = _bare(table, rounds, threads)
        watch([espalier, "data", "push", "--project", str(folder)])
        found = watch([espalier, "train", "--until", "evaluate", "--project", str(folder)])
        dask = {count: _on_dask(folder, espalier, count) for count in workers}
    alone = {"bare": bare, "bare_mib": memory}
    return {"rows": rows, "rounds": rounds, "file_mib": size / 2**20, **alone, **_stages(found), "dask": dask}


def _on_dask(folder: Path, espalier: str, workers: int) -> dict[str, float]:
    """Train the prepared rows again with ``train.engine: dask``; return seconds, and MiB of stage and workers."""
    params = folder / "pipelines" / "params.yaml"
    local = params.read_text(encoding="utf-8")
    # The number of rounds is the same, so that DVC would skip the second training with other workers.
    changed = re.sub(
        r"train: \{seed: \d+, (.*?)threads: \d+", rf"train: {{engine: dask, seed: {workers}, \1threads: 0", local
    )
    params.write_text(changed, encoding="utf-8")
    try:
        with dask_cluster(workers) as cluster:
            settings = {"PIPELINE_DASK_ADDRESS": cluster.address, "PIPELINE_DASK_WORKERS": str(workers)}
            command = [espalier, "train", "--until", "train", "--project", str(folder)]
            found = watch(command, environment=os.environ | settings)
            return {"train": found.stages["train"], "mib": found.peaks["train"], "worker_mib": cluster.worker_mib()}
    finally:
        params.write_text(local, encoding="utf-8")


def _bare(table: Path, rounds: int, threads: int) -> tuple[dict[str, float], float]:
    command = [sys.executable, "-m", "benchmarks.scale.bare", str(table), str(rounds), str(threads)]
    found = watch(command)
    return json.loads(found.output.splitlines()[-1]), found.peaks["other"]


def _stages(found: Watched) -> dict[str, Any]:
    return {
        "seconds": found.seconds,
        "stages": {name: found.stages.get(name, 0.0) for name in STAGES},
        "mib": {name: found.peaks.get(name, 0.0) for name in STAGES},
    }


def main(
    rows: Annotated[str, typer.Option(help="Sizes of the table, separated by commas.")] = SIZES,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of boosting.")] = 50,
    threads: Annotated[int, typer.Option(min=1, help="Threads of XGBoost.")] = 2,
    dask_workers: Annotated[
        str,
        typer.Option(
            help="Train the same rows on a Dask cluster of this machine too: numbers of workers, of one thread each."
        ),
    ] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print the results as JSON, for programs.")] = False,
) -> None:
    """Run the pipeline without its gate on made tables, and training alone on the same rows.

    Examples: `python -m benchmarks.scale --rows 336000,3000000`, `python -m benchmarks.scale --dask-workers 1,2`
    """
    results = []
    try:
        for size in rows.split(","):
            workers = [int(count) for count in dask_workers.split(",") if count]
            results.append(measure(int(size), rounds, threads, workers))
            _show(results[-1])
    except (BenchmarkFailed, ValueError) as error:
        _aside.print(f"[bold red]benchmark:[/] {error}", soft_wrap=True)
        raise typer.Exit(1) from None
    if json_:
        report = {"commit": describe_commit(), "machine": describe_machine(), "results": results}
        sys.stdout.write(json.dumps(report, indent=1) + "\n")


def _show(result: dict[str, Any]) -> None:
    table = Table(title=f"{result['rows']:,} rows, {result['rounds']} rounds, a file of {result['file_mib']:,.0f} MiB")
    for column in ("", "seconds", "peak memory, MiB"):
        table.add_column(column, justify="left" if not column else "right")
    bare = result["bare"]
    table.add_row("training alone", f"{bare['train']:.1f} (reading {bare['read']:.1f})", f"{result['bare_mib']:,.0f}")
    for name in STAGES:
        table.add_row(name, f"{result['stages'][name]:.1f}", f"{result['mib'][name]:,.0f}")
    table.add_row("espalier train --until evaluate", f"{result['seconds']:.1f}", "")
    for workers, found in result["dask"].items():
        memory = f"{found['mib']:,.0f}, of a worker {found['worker_mib']:,.0f}"
        table.add_row(f"train, engine dask, {workers} worker(s) of one thread", f"{found['train']:.1f}", memory)
    _aside.print(table)


if __name__ == "__main__":
    typer.run(main)
