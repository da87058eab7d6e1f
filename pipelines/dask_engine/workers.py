"""Which workers train? Those that run, have our versions, and are free."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.config.settings import Settings
from pipelines.console import console
from pipelines.errors import InvalidParams, Unreachable

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Worker", "check_versions", "free_workers"]

Versions = dict[str, str | None]
"""Library → version, None if it is missing."""

PAUSE_SECONDS = 0.2
SHOWN = 3
"""Workers that a message names."""


@dataclass(frozen=True, order=True)
class Worker:
    """A worker; workers are in the order of the ranks that XGBoost gives them."""

    rank_key: str
    """XGBoost sorts by this text: CommunicatorContext in xgboost.dask."""

    address: str


def free_workers(client: Client, settings: Settings) -> list[Worker]:
    """Wait for the workers, and return them in the order of their ranks.

    Fewer than ``dask_workers`` are enough after the waiting time: a node may be gone for long.

    Raises:
        Unreachable: there is no worker, or all are busy, at the end of the waiting time.
    """
    deadline = time.monotonic() + settings.dask_wait_seconds
    while True:
        running = _running(client)
        busy = set(client.call_stack()) if running else set()
        free = [worker for worker in running if worker.address not in busy]
        if (len(free) == len(running) >= settings.dask_workers) or time.monotonic() > deadline:
            break
        time.sleep(PAUSE_SECONDS)
    if free:
        if len(free) < settings.dask_workers:
            console.print(f"{len(free)} of {settings.dask_workers} Dask workers are there: training with them")
        return free
    waited = f"within {settings.dask_wait_seconds:g} s (PIPELINE_DASK_WAIT_SECONDS)"
    if running:
        raise Unreachable(
            f"all {len(running)} workers of the Dask scheduler at {settings.dask_address} were busy {waited}: wait "
            "until the other work has ended, or restart the workers"
        )
    raise Unreachable(
        f"no worker came to the Dask scheduler at {settings.dask_address} {waited}: start workers, or look at their "
        "logs if they run but do not connect"
    )


def check_versions(client: Client) -> None:
    """Compare the libraries of scheduler and workers with ours: code and models pass between them.

    Raises:
        InvalidParams: one has another Python, XGBoost or Dask; the message says where and which.
    """
    found = client.get_versions()
    ours = _versions(found["client"])
    others = {"the scheduler": _versions(found["scheduler"])}
    others |= {f"worker {address}": _versions(info) for address, info in found["workers"].items()}
    if not _different(ours, others):  # a function that is sent needs the same Python
        ours["xgboost"] = _xgboost_version()()
        others["the scheduler"]["xgboost"] = client.run_on_scheduler(_xgboost_version())
        for address, version in client.run(_xgboost_version()).items():
            others.setdefault(f"worker {address}", dict(ours))["xgboost"] = version
    different = _different(ours, others)
    if different:
        more = f" and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
        raise InvalidParams(
            f"the Dask cluster has other versions: {'; '.join(different[:SHOWN])}{more}. Run scheduler, workers and "
            "training with the same image or the same lock file"
        )


def _running(client: Client) -> list[Worker]:
    workers: dict[str, Any] = dict(client.scheduler_info(n_workers=-1)["workers"])
    return sorted(
        Worker(f"[xgboost.dask-{info['name']}]:{address}", address)
        for address, info in workers.items()
        if info.get("status", "running") == "running"
    )


def _versions(info: dict[str, Any]) -> Versions:
    python = ".".join(str(info["host"]["python"]).split(".")[:2])
    return {"Python": python, "distributed": info["packages"].get("distributed")}


def _xgboost_version() -> Callable[[], str | None]:
    """Return a function that is sent by value. XGBoost's module has a version, and its package several names."""

    def version() -> str | None:
        try:
            import xgboost
        except ImportError:
            return None
        return str(xgboost.__version__)

    return version


def _different(ours: Versions, others: Mapping[str, Versions]) -> list[str]:
    return [
        f"{name} has {_named(library, theirs.get(library))}, this process {_named(library, ours[library])}"
        for name, theirs in others.items()
        for library in ours
        if theirs.get(library) != ours[library]
    ]


def _named(library: str, version: str | None) -> str:
    return f"no {library}" if version is None else f"{library} {version}"
