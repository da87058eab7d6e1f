"""What a server of the benchmark is: how it is started, the form of its requests and of its answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.environments import Environment
from benchmarks.plan import Form
from benchmarks.processes import Launch
from benchmarks.workload import Rows, Workload

__all__ = ["Contestant", "JsonServer", "Site"]


@dataclass(frozen=True)
class Site:
    """Where a server runs."""

    environment: Environment
    workload: Workload
    folder: Path
    """A folder for its files, which lasts as long as the run."""

    port: int

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"


class Contestant(Protocol):
    """A server to measure."""

    @property
    def name(self) -> str:
        """A short name, for options and files."""
        ...

    @property
    def title(self) -> str:
        """What the tables call it."""
        ...

    @property
    def environment(self) -> str:
        """Name of its locked environment."""
        ...

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages whose versions the report states."""
        ...

    def launching(self, site: Site) -> AbstractContextManager[Launch]:
        """Prepare its files and what it needs beside it, for as long as the block lasts."""
        ...

    def path(self, form: Form, /) -> str | None:
        """Return the path of predictions; None if the server does not take this form."""
        ...

    def headers(self, site: Site, form: Form, /) -> Mapping[str, str]:
        """Return the headers of a request; asked for anew before each measurement."""
        ...

    def encode(self, rows: Rows, form: Form, /) -> bytes:
        """Return the body of a request."""
        ...

    def decode(self, body: bytes, form: Form, /) -> list[float]:
        """Return the probability of the positive class for each row of an answer."""
        ...


@dataclass(frozen=True)
class JsonServer:
    """A peer that takes JSON only and needs no other service."""

    name: str
    title: str
    environment: str
    packages: tuple[str, ...]
    predict_path: str
    launch: Callable[[Site], Launch]
    """Write its files into the site's folder, and say how it is started."""

    body: Callable[[Rows], Any]
    """Rows → what becomes JSON."""

    read: Callable[[Any], list[float]]
    """An answer's JSON → probabilities."""

    def launching(self, site: Site) -> AbstractContextManager[Launch]:
        """Prepare its files."""
        return nullcontext(self.launch(site))

    def path(self, form: Form) -> str | None:
        """Return the path of predictions."""
        return self.predict_path if form == "json" else None

    def headers(self, _site: Site, _form: Form) -> Mapping[str, str]:
        """Return the type of the body."""
        return {"Content-Type": "application/json"}

    def encode(self, rows: Rows, _form: Form) -> bytes:
        """Return the rows in the server's own form."""
        return json.dumps(self.body(rows), separators=(",", ":")).encode()

    def decode(self, body: bytes, _form: Form) -> list[float]:
        """Return the probabilities of an answer."""
        return self.read(json.loads(body))
