import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.config.settings import Settings
from pipelines.errors import PromotionLocked
from pipelines.promotion import lease
from pipelines.promotion.lock import file_lock, promotion_lock

HOLDER = """
import sys, time
from pathlib import Path
from pipelines.promotion.lock import file_lock
with file_lock(Path(sys.argv[1]), 5) as lock:
    lock.check()
    print("inside", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "promotion.lock"


@pytest.fixture
def holder(path):
    """Another process that is inside until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout.readline() == "inside\n"
        yield process
        process.kill()


def test_another_process_is_waited_for_and_named_and_the_wait_is_bounded(path, holder, capsys):
    with pytest.raises(PromotionLocked, match=f"by process {holder.pid} since"), file_lock(path, 0.3):
        pass

    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("waiting for another promotion to end")
    assert said.count(f"process {holder.pid}") == 1


def test_its_end_lets_the_next_one_in(path, holder):
    holder.stdin.close()

    with file_lock(path, 30) as lock:
        lock.check()


def test_its_death_lets_the_next_one_in(path, holder):
    holder.kill()

    with file_lock(path, 30) as lock:
        lock.check()


def test_lock_is_free_again_afterwards_whatever_happened(path):
    with pytest.raises(ZeroDivisionError), file_lock(path, 0):
        raise ZeroDivisionError

    with file_lock(path, 0):
        pass


def test_without_a_cluster_the_lock_is_a_file_of_this_machine(path):
    with promotion_lock(Settings(lock_file=path)):
        assert path.exists()
        with pytest.raises(PromotionLocked, match=path.name), file_lock(path, 0):
            pass


def test_on_a_cluster_the_lock_is_its_lease(monkeypatch):
    settings = Settings(rollout="kubernetes", deployment="d", namespace="n", lease="l")
    monkeypatch.setattr(lease, "lease_lock", lambda given: given)

    assert promotion_lock(settings) is settings


def test_holder_that_has_not_said_who_it_is_yet_is_another_process(path, holder):
    path.with_name(f"{path.name}.holder").unlink()

    with pytest.raises(PromotionLocked, match="by another process; wait"), file_lock(path, 0):
        pass
