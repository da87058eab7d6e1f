"""Kills a training run with SIGKILL at one of its writes: Python imports this if the folder is on PYTHONPATH.

A write is a file that is opened for writing, renamed or removed in the current folder, or an HTTP request that changes
something. Each process counts the moments of its writes; TEST_KILL_IN is the stage to be killed in, or ``dvc`` for the
process that starts the stages, TEST_KILL_AT the moment. TEST_KILL_LOG gets a line for each.
"""

import os
import signal
import sys

IN, AT, LOG = (os.environ.get(f"TEST_KILL_{name}", "") for name in ("IN", "AT", "LOG"))
CHANGING = (b"POST ", b"PUT ", b"PATCH ", b"DELETE ")
READING = (b"POST /api/2.0/mlflow/experiments/search", b"POST /api/2.0/mlflow/runs/search")
FOLDER = os.getcwd() + os.sep
ANSWER_BYTES = 65536


class Writes:
    """Counts the moments, and kills at one of them."""

    def __init__(self):
        self.count, self.is_own, self.changing = 0, False, None

    def __call__(self, event, arguments):
        if self.is_own:
            return
        self.is_own = True
        try:
            self.see(event, arguments)
        finally:
            self.is_own = False

    def see(self, event, arguments):
        if event == "open":
            path, _, flags = arguments
            if flags & (os.O_WRONLY | os.O_RDWR) and (written := self.inside(path)):
                self.moment(f"before {written} is opened")
                self.moment(f"while {written} is written", lambda: spoil(path))
        elif event in ("os.rename", "os.remove", "os.link", "os.symlink"):
            if changed := self.inside(arguments[0]):
                self.moment(f"before {event} of {changed}")
        elif event == "http.client.send":
            self.see_request(*arguments)

    def see_request(self, connection, data):
        """The head of a request and its body are sent one after the other."""
        data = bytes(data) if isinstance(data, bytes | bytearray | memoryview) else b""
        if data.startswith(CHANGING) and not data.startswith(READING):
            what = data.split(b" HTTP")[0].decode()
            self.moment(f"before {what}")
            self.changing = what
        elif self.changing and data:
            what, self.changing = self.changing, None
            self.moment(f"after {what}", lambda: send(connection, data))

    def inside(self, path):
        """Return the path below the current folder; None for others."""
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        path = os.path.abspath(os.fsdecode(path))
        is_code = "__pycache__" in path
        if not path.startswith(FOLDER) or is_code or path == LOG:
            return None
        if PROCESS == "dvc" and not path.endswith(("dvc.lock", "rwlock", ".dvc")) and ".dvc/cache" not in path:
            return None  # its private databases; a cache that is lost is made again
        return path.removeprefix(FOLDER)

    def moment(self, what, work=None):
        """Count a moment; if it is the one, do what is left of it and kill every process of the run."""
        self.count += 1
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(f"{PROCESS} {self.count} {what}\n")
        if PROCESS == IN and self.count == int(AT):
            if work is not None:
                work()
            os.killpg(os.getpgrp(), signal.SIGKILL)
            signal.pause()


def spoil(path):
    """Leave a file as a process leaves it that was killed in the middle of its first write."""
    with open(path, "wb") as file:
        file.write(b'{"half')


def send(connection, data):
    """Send the rest of the request, and wait for the answer, so that the server has done it."""
    connection.sock.sendall(data)
    connection.sock.recv(ANSWER_BYTES)


def this_process():
    """Return the name of the stage that this process runs, ``dvc``, or an empty string for any other process."""
    if "-c" in sys.orig_argv:
        return "dvc"
    stages = [argument for argument in sys.orig_argv if argument.startswith("pipelines.stages.")]
    return stages[0].removeprefix("pipelines.stages.") if stages else ""


PROCESS = this_process()
if LOG and PROCESS:
    sys.addaudithook(Writes())
