import os
import socket
import threading

from benchmarks.soak.usage import take_sample


def take(port):
    return take_sample(os.getpid(), port, seconds=1.23, requests=4)


def test_files_threads_and_connections_are_counted():
    end = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        before = take(port)
        with socket.create_connection(("127.0.0.1", port)), listening.accept()[0]:
            thread = threading.Thread(target=end.wait)
            thread.start()
            after = take(port)
            end.set()
            thread.join()

    assert (after.seconds, after.requests) == (1.2, 4)
    assert after.files >= before.files + 2
    assert after.threads == before.threads + 1
    assert (before.connections, after.connections) == (0, 1)
    assert after.pss_mib >= after.private_mib > 1
