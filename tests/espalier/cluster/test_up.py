import threading

import pytest

from espalier.cluster.errors import CommandRefused
from espalier.cluster.up import meanwhile


def test_work_goes_on_beside_the_block_and_is_waited_for(capsys):
    entered, ended = threading.Event(), []

    def work():
        entered.wait(30)
        ended.append("copied")

    with meanwhile("images to the nodes", work):
        assert ended == []
        entered.set()

    assert ended == ["copied"]
    assert "images to the nodes: " in capsys.readouterr().err


def test_failed_work_ends_the_command_after_the_block():
    def fail():
        raise CommandRefused("kind load ended with 1: no space left on device")

    steps = []
    with pytest.raises(CommandRefused, match="no space left"), meanwhile("images to the nodes", fail):
        steps.append("chart")

    assert steps == ["chart"]
