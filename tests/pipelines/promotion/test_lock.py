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


def test_waiting_names_the_holder_and_times_out(path, holder, capsys):
    with pytest.raises(PromotionLocked, match=f"by process {holder.pid} since"), file_lock(path, 0.3):
        pass

    output = " ".join(capsys.readouterr().err.split())
    assert output.startswith("waiting for another promotion")
    assert output.count(f"process {holder.pid}") == 1


def test_lock_is_free_when_its_holder_exits(path, holder):
    holder.stdin.close()

    with file_lock(path, 30) as lock:
        lock.check()


def test_lock_is_free_when_its_holder_is_killed(path, holder):
    holder.kill()

    with file_lock(path, 30) as lock:
        lock.check()


def test_lock_is_released_after_an_error(path):
    with pytest.raises(ZeroDivisionError), file_lock(path, 0):
        raise ZeroDivisionError

    with file_lock(path, 0):
        pass


def test_without_a_cluster_the_lock_is_a_file(path):
    with promotion_lock(Settings(lock_file=path)):
        assert path.exists()
        with pytest.raises(PromotionLocked, match=path.name), file_lock(path, 0):
            pass


def test_on_a_cluster_the_lock_is_a_lease(monkeypatch):
    settings = Settings(rollout="kubernetes", deployment="d", namespace="n", lease="l")
    monkeypatch.setattr(lease, "lease_lock", lambda given: given)

    assert promotion_lock(settings) is settings


def test_unknown_holder_is_called_another_process(path, holder):
    path.with_name(f"{path.name}.holder").unlink()

    with pytest.raises(PromotionLocked, match="by another process; wait"), file_lock(path, 0):
        pass
