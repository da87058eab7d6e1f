from __future__ import annotations

import pytest

from tests.pipelines.dask_engine.clusters import Cluster


@pytest.fixture
def cluster(tmp_path):
    """A cluster without workers yet, for one test."""
    made = Cluster(tmp_path)
    yield made
    made.stop()
