"""The chart in each way that it is shipped to be used."""

from __future__ import annotations

import pytest

from tests.charts.rendering import VARIANTS, Object, manifests, render


@pytest.fixture(scope="session", params=[*VARIANTS, "manifests"])
def objects(request: pytest.FixtureRequest) -> list[Object]:
    """Every object of one way."""
    return list(manifests().values()) if request.param == "manifests" else render(*VARIANTS[request.param])


@pytest.fixture(scope="session")
def default() -> list[Object]:
    """Every object of the default values."""
    return render()


@pytest.fixture(scope="session")
def everything() -> list[Object]:
    """Every object that the chart can render."""
    return render(*VARIANTS["everything"])
