import signal
import threading
import time

import pytest

from pipelines.config.settings import Settings
from pipelines.dataset.time_limit import limit_seconds, time_limit


def test_block_is_ended():
    with pytest.raises(TimeoutError, match="it took longer than 0 seconds"), time_limit(0.01):
        threading.Event().wait(60)


def test_nothing_ends_what_comes_after_the_block():
    before = signal.getsignal(signal.SIGALRM)

    with time_limit(0.2):
        pass

    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_block_in_another_thread_has_no_limit():
    ended = []

    def block():
        with time_limit(0.01):
            time.sleep(0.05)
        ended.append(True)

    thread = threading.Thread(target=block)
    thread.start()
    thread.join(60)

    assert ended == [True]


def test_limit_allows_for_the_size_and_for_reads_that_time_out():
    settings = Settings(remote_timeout_seconds=3, remote_min_bytes_per_second=1000)

    assert limit_seconds(settings) > 3
    assert limit_seconds(settings, 5000) - limit_seconds(settings) == 5
