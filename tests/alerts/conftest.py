"""What is evaluated by promtool, where promtool is."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def with_promtool(need: Callable[[str], str]) -> None:
    """Skip where promtool is missing, and fail in CI."""
    need("promtool")
