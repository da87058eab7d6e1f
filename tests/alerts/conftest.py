"""A marker for tests that need promtool."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def with_promtool(need: Callable[[str], str]) -> None:
    """Skip without promtool; fail in CI."""
    need("promtool")
