import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from pipelines.dask_engine.attempts import train_on_cluster
from pipelines.errors import ClusterLost, Unreachable
from tests.pipelines.dask_engine.clusters import make_plan, make_rows
from tests.pipelines.dask_engine.test_train import outputs
from tests.small_project import ROOT

LONG = 3000
"""Rounds: long enough that a worker dies while it trains."""


class Killer:
    """Kills workers one after the other, each in a round of its own attempt."""

    def __init__(self, cluster, *names, after=3):
        self.cluster, self.names, self.after, self.rounds = cluster, list(names), after, []

    def __call__(self, round_, _values):
        self.rounds.append(round_)
        if self.names and round_ == self.after:
            self.cluster.kill(self.names.pop(0))


def test_training_survives_a_lost_worker(cluster, capsys):
    cluster.add("one", "two", "three")
    killer, rows = Killer(cluster, "two"), make_rows(count=6000)
    settings = cluster.settings(dask_workers=2)

    boosted = train_on_cluster(settings, [rows], make_plan(LONG // 10), killer)

    assert killer.rounds.count(0) == 2, "it began twice"
    assert "lost in training: the worker at tcp://" in capsys.readouterr().err
    again = train_on_cluster(cluster.settings(), [rows], make_plan(LONG // 10), lambda *_: None)
    np.testing.assert_array_equal(outputs(boosted.model, rows), outputs(again.model, rows))


@pytest.mark.slow
def test_attempts_are_bounded(cluster):
    cluster.add("one", "two", "three", "four")
    killer = Killer(cluster, "one", "two")

    with pytest.raises(ClusterLost, match=r"lost a part in each of 2 attempts .*give them more") as caught:
        train_on_cluster(
            cluster.settings(dask_workers=1, dask_attempts=2), [make_rows(count=6000)], make_plan(LONG), killer
        )
    assert caught.value.exit_code == 13 and killer.names == []


@pytest.mark.slow
def test_last_worker_that_dies_is_waited_for_and_then_reported(cluster):
    cluster.add("one")

    with pytest.raises(Unreachable, match="no worker came to the Dask scheduler at tcp://") as caught:
        train_on_cluster(cluster.settings(dask_wait_seconds=3), [make_rows()], make_plan(LONG), Killer(cluster, "one"))
    assert caught.value.exit_code == 6


@pytest.mark.slow
def test_scheduler_that_dies_is_waited_for_and_then_reported(cluster):
    cluster.add("one")

    with pytest.raises(Unreachable, match="no Dask scheduler answers"):
        train_on_cluster(
            cluster.settings(dask_wait_seconds=3), [make_rows()], make_plan(LONG), Killer(cluster, "scheduler")
        )


KILLED = """
import os, signal, sys
from pipelines.config.settings import Settings
from pipelines.dask_engine.attempts import train_on_cluster
from tests.pipelines.dask_engine.clusters import make_plan, make_rows

def heard(round_, values):
    print(round_, flush=True)

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as run_stage does

settings = Settings(dask_address=sys.argv[1], dask_wait_seconds=20, dask_workers=2)
train_on_cluster(settings, [make_rows(count=6000)], make_plan(100_000), heard)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_training_does_not_stop_the_next(cluster, how):
    """It leaves a lock on the scheduler, and workers that boost on."""
    cluster.add("one", "two")
    command = [sys.executable, "-c", textwrap.dedent(KILLED), cluster.address]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as killed:
        assert killed.stdout is not None and killed.stdout.readline(), "it trains"
        killed.send_signal(how)

    assert train_on_cluster(cluster.settings(), [make_rows()], make_plan(), lambda *_: None).model
