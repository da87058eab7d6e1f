"""A real Dask cluster of processes on loopback, and rows for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from pipelines.config.settings import Settings
from pipelines.dask_engine.pieces import Piece, Plan, Rows

START_SECONDS = 60
NAMES = ["length", "weight", "kind", "noise"]
TYPES = ["q", "q", "c", "q"]


class Cluster:
    """A scheduler, and as many workers as are started."""

    def __init__(self, folder: Path, *, tls: dict[str, Path] | None = None) -> None:
        self.folder, self._tls = folder, tls or {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        file = folder / "scheduler.json"
        self._start("scheduler", "--port=0", f"--scheduler-file={file}", *self._local())
        _wait_for(lambda: file.exists() and file.read_text() != "")
        self.address = str(json.loads(file.read_text())["address"])

    def add(self, *names: str, environment: dict[str, str] | None = None) -> Cluster:
        """Start workers of one thread each."""
        for name in names:
            options = [f"--name={name}", "--nthreads=1", "--no-nanny", f"--local-directory={self.folder}"]
            self._start("worker", self.address, *options, *self._local(), called=name, environment=environment)
        for name in names:
            _wait_for(lambda name=name: "Registered to" in self.log(name))
        return self

    def kill(self, name: str) -> None:
        """Kill a worker, or the scheduler, as a node that fails does."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes.pop(name).wait()

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def settings(self, **changes: Any) -> Settings:
        usual = {"dask_address": self.address, "dask_workers": len(self.processes) - 1, "dask_wait_seconds": 20}
        return Settings(**{**usual, **changes})

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def _local(self) -> list[str]:
        options = ["--host=127.0.0.1", "--dashboard-address=127.0.0.1:0", "--no-dashboard"]
        if self._tls:
            options += ["--protocol=tls", *(f"--tls-{name}={path}" for name, path in self._tls.items())]
        return options

    def _start(self, part: str, *options: str, called: str = "", environment: dict[str, str] | None = None) -> None:
        called = called or part
        # Workers find no package of this repository, as on a cluster of one's own.
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | (environment or {})
        with (self.folder / f"{called}.log").open("wb") as log:
            self.processes[called] = subprocess.Popen(
                [sys.executable, "-m", "dask", part, *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=variables,
            )


def _wait_for(ready: Callable[[], bool]) -> None:
    until = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.05)


def make_rows(name: str = "train", *, count: int = 1200, pieces: int = 3, seed: int = 1, weight: float = 0) -> Rows:
    """Rows with two classes that follow from two numbers and a category, in equal pieces."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(count, len(NAMES))).astype(np.float32)
    matrix[:, 2] = random.integers(0, 5, count)
    matrix[random.random(count) < 0.1, 1] = np.nan
    margin = 2 * matrix[:, 0] + np.nan_to_num(matrix[:, 1]) + (matrix[:, 2] == 3)
    labels = (random.random(count) < expit(margin)).astype(np.int8)
    weights = np.where(labels == 1, weight, 1).astype(np.float32) if weight else None

    def read():
        for places in np.array_split(np.arange(count), pieces):
            yield Piece(matrix[places], labels[places], None if weights is None else weights[places])

    return Rows(name, count, read)


def whole(rows: Rows) -> Piece:
    """All pieces as one."""
    pieces = list(rows.pieces())
    weights = [piece.weights for piece in pieces if piece.weights is not None]
    return Piece(
        np.concatenate([piece.matrix for piece in pieces]),
        np.concatenate([piece.labels for piece in pieces]),
        np.concatenate(weights) if weights else None,
    )


def make_plan(rounds: int = 20, **params: Any) -> Plan:
    usual = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "max_depth": 4,
        "seed": 1,
        "nthread": 1,
        "subsample": 0.8,
    }
    return Plan({**usual, **params}, rounds, NAMES, TYPES)
