import threading

import pytest

from espalier.cluster.errors import CommandRefused
from espalier.cluster.up import meanwhile


def test_work_runs_in_parallel_with_the_block(capsys):
    entered, ended = threading.Event(), []

    def work():
        entered.wait(30)
        ended.append("copied")

    with meanwhile("load images", work):
        assert ended == []
        entered.set()

    assert ended == ["copied"]
    assert "load images: " in capsys.readouterr().err


def test_failed_work_raises_after_the_block():
    def fail():
        raise CommandRefused("kind load exited with 1: no space left on device")

    steps = []
    with pytest.raises(CommandRefused, match="no space left"), meanwhile("load images", fail):
        steps.append("chart")

    assert steps == ["chart"]
