"""The real API, and clients of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

import pytest

from espalier import Client
from espalier.client import Retries
from tests.espalier.json_only import json_only
from tests.espalier.running_api import PASSWORD, USER, RunningApi, Wrap, running_api

WRAPS: dict[str, Wrap] = {"json": json_only, "arrow": lambda app: app}


@pytest.fixture
def start_api(make_bundle, keys, tmp_path) -> Iterator[Callable[..., RunningApi]]:
    with ExitStack() as stack:

        def start(kind: str = "arrow", *, target_type: str = "binary", **changes: Any) -> RunningApi:
            bundle = make_bundle(tmp_path / "bundle", kind=target_type)
            return stack.enter_context(running_api(bundle, keys, tmp_path, wrap=WRAPS[kind], **changes))

        yield start


@pytest.fixture
def api(start_api) -> RunningApi:
    """One that knows Arrow."""
    return start_api()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Open clients; nothing is repeated unless a test says so."""
    with ExitStack() as stack:

        def make(url: str, **options: Any) -> Client:
            who = {} if "token" in options else {"username": USER, "password": PASSWORD}
            return stack.enter_context(
                Client(url, **{**who, "retries": Retries(attempts=1), "timeout": 120, **options})
            )

        yield make


@pytest.fixture
def client(api, connect) -> Client:
    return connect(api.url)


@pytest.fixture
def row(contract) -> dict[str, Any]:
    return dict(contract.example)


@pytest.fixture
def rows(row) -> Callable[[int], list[dict[str, Any]]]:
    """As many rows, different ones, with missing values."""
    kinds = ("apple", "pear", "plum")

    def make(number: int) -> list[dict[str, Any]]:
        return [
            {
                **row,
                "height": None if n % 5 == 4 else n % 20 + 0.5,
                "age": n % 100,
                "grafted": n % 2 == 0,
                "kind": kinds[n % 3],
                "soil": None if n % 7 == 6 else "loam",
            }
            for n in range(number)
        ]

    return make


@pytest.fixture
def polars() -> Any:
    if find_spec("polars") is None:
        reason = "NOT TESTED WITH POLARS: it is not installed"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    import polars

    return polars
