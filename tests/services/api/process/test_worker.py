import sys

import pytest
from uvicorn_worker import UvicornWorker

from services.api.process.worker import SWITCH_SECONDS, ApiWorker


@pytest.fixture
def interval():
    before = sys.getswitchinterval()
    yield sys.getswitchinterval
    sys.setswitchinterval(before)


def test_event_loop_waits_for_other_threads_for_a_short_time(monkeypatch, interval):
    """Before it serves: the parent class serves until the end of the process."""
    seen = []
    monkeypatch.setattr(UvicornWorker, "init_process", lambda _self: seen.append(interval()))

    ApiWorker.init_process(object.__new__(ApiWorker))

    assert seen == [pytest.approx(SWITCH_SECONDS)]
