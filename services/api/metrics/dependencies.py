"""Check the dependencies of the API periodically, in the parent of the workers, never while a request waits.

Reads:  aliases and versions of the registry, the list of the champion's files, the users' database.
Gives:  gauges for the internal port, in addition to those of the workers.
Never:  serves, holds a connection between two checks, or writes to the files in which workers count.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bundle import BUNDLE_FILES
from bundle.vocabulary import CHAMPION
from services.api.database.engine import ping
from services.api.metrics.registry import RegistryState
from services.api.model.mlflow_registry import ModelRegistry, NotRegistered, RegistryAddress

__all__ = ["DependencyMonitor", "Schedule"]

FIRST_SECONDS = 2.0
"""Delay of the first check, during which the parent forks its workers without threads at work."""

DEPENDENCIES = ("artifacts", "database", "mlflow")

MISSED_ROUNDS = 3
"""How many intervals a result stays valid, and how long to wait for the first one; then the check must be hanging."""

log = logging.getLogger("espalier.api.dependencies")


@dataclass(frozen=True)
class Schedule:
    """How often the checks run, and the timeout of each."""

    interval_seconds: float
    jitter_seconds: float
    """Maximum random addition to each interval, so that pods do not check at the same time."""

    timeout_seconds: int


@dataclass(frozen=True)
class _Answer:
    is_up: bool
    at: float


class DependencyMonitor(Collector):
    """Two threads of the parent, so that a hanging database does not block the check of the registry.

    The parent forks, so the threads must not import a module that a worker imports too: the worker's copy could be half
    imported. They import none, because fetching the bundle and migrating the database used the same modules before.
    """

    def __init__(
        self, registry: RegistryAddress, database_url: str, schedule: Schedule, *, model: str, version: str | None
    ) -> None:
        """Store the addresses; no check runs yet. ``version`` is the served one, or None without a model."""
        self._registry = replace(registry, retries=0, timeout_seconds=schedule.timeout_seconds)
        self._database_url, self._schedule = database_url, schedule
        self._model, self._version = model, version
        self._answers: dict[str, _Answer] = {}
        self._state: RegistryState | None = None
        self._end, self._since = threading.Event(), time.monotonic()

    def start(self) -> None:
        """Start the checks."""
        for ask in (self._ask_registry, self._ask_database):
            threading.Thread(target=self._repeat, args=(ask,), name=ask.__name__, daemon=True).start()

    def stop(self) -> None:
        """Stop the checks."""
        self._end.set()

    def collect(self) -> Iterator[Metric]:
        """Yield the latest results: nothing before the first, and the last known state of an unavailable registry."""
        up = GaugeMetricFamily(
            "espalier_dependency_up", "Whether the dependency answered the last check.", labels=["dependency"]
        )
        oldest = time.monotonic() - self._trusted_seconds
        for name in DEPENDENCIES:
            answer = self._answers.get(name)
            if answer is not None or self._since < oldest:
                up.add_metric([name], answer is not None and answer.is_up and answer.at > oldest)
        yield up
        if self._state is not None:
            yield from self._state.gauges()

    @property
    def _trusted_seconds(self) -> float:
        schedule = self._schedule
        longest = schedule.interval_seconds + schedule.jitter_seconds + schedule.timeout_seconds
        return MISSED_ROUNDS * longest

    def _repeat(self, ask: Callable[[], None]) -> None:
        interval, jitter = self._schedule.interval_seconds, self._schedule.jitter_seconds
        pause = min(interval, FIRST_SECONDS)
        while not self._end.wait(pause + random.uniform(0, jitter)):  # noqa: S311 (so that pods do not ask at once)
            ask()
            pause = interval

    def _ask_registry(self) -> None:
        with closing(ModelRegistry(self._registry)) as registry:
            is_up = self._note("mlflow", lambda: self._read_state(registry))
            if is_up:
                self._note("artifacts", lambda: self._list_files(registry))
            else:  # MLflow serves the artifacts
                self._answers["artifacts"] = _Answer(is_up=False, at=time.monotonic())

    def _ask_database(self) -> None:
        seconds = self._schedule.timeout_seconds
        self._note("database", lambda: ping(self._database_url, connect_seconds=seconds))

    def _read_state(self, registry: ModelRegistry) -> None:
        try:
            aliases = registry.aliases(self._model)
        except NotRegistered:  # MLflow answers
            aliases = {}
        self._state = RegistryState(aliases, registry.versions(self._model))

    def _list_files(self, registry: ModelRegistry) -> None:
        champion = self._state.aliases.get(CHAMPION) if self._state else None
        version = champion or self._version
        if version is None:  # nothing is registered: check whether files are served at all
            registry.sizes("")
            return
        names = registry.sizes(registry.folder(self._model, version))
        missing = sorted(set(BUNDLE_FILES) - set(names))
        if missing:
            raise FileNotFoundError(f"version {version} has no {', '.join(missing)}")

    def _note(self, dependency: str, ask: Callable[[], None]) -> bool:
        reason = ""
        try:
            ask()
        except Exception as error:  # with any error the next pod could not start, or no user could log in
            reason = str(error).partition("\n")[0][:200] or type(error).__name__
        is_up, before = not reason, self._answers.get(dependency)
        self._answers[dependency] = _Answer(is_up, time.monotonic())
        if before is None or before.is_up != is_up:
            level = logging.INFO if is_up else logging.WARNING
            log.log(level, "answers" if is_up else "does not answer", extra={"dependency": dependency, "error": reason})
        return is_up
