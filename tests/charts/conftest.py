"""The chart rendered with each set of values that is shipped."""

from __future__ import annotations

import pytest

from tests.charts.rendering import VARIANTS, Object, manifests, render


@pytest.fixture(scope="session", params=[*VARIANTS, "manifests"])
def objects(request: pytest.FixtureRequest) -> list[Object]:
    """Every object of one set of values, or of the manifests."""
    return list(manifests().values()) if request.param == "manifests" else render(*VARIANTS[request.param])


@pytest.fixture(scope="session")
def default() -> list[Object]:
    """Every object of the default values."""
    return render()


@pytest.fixture(scope="session")
def everything() -> list[Object]:
    """Every object of values with all switches on."""
    return render(*VARIANTS["everything"])
