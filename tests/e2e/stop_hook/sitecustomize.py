"""Stops a process of a training pod before one of its writes, so that a test can kill the pod in its work.

Python imports this if the folder is on PYTHONPATH. TEST_STOP_BEFORE is a regular expression for the write: a file that
is renamed (``rename PATH``), or an HTTP request (``PUT PATH``).
"""

import os
import re
import sys
import time

BEFORE = re.compile(os.environ.get("TEST_STOP_BEFORE") or "(?!)")
LONGEST_REQUEST_LINE = 2000


def watch(event, arguments):
    """Never return if the event is the write."""
    if event == "os.rename":
        what = f"rename {os.fsdecode(arguments[0])}"
    elif event == "http.client.send" and isinstance(arguments[1], bytes | bytearray):
        what = bytes(arguments[1][:LONGEST_REQUEST_LINE]).split(b" HTTP/")[0].decode(errors="replace")
    else:
        return
    if BEFORE.search(what):
        sys.stderr.write(f"stopped before {what}\n")
        sys.stderr.flush()
        while True:
            time.sleep(3600)


if os.environ.get("TEST_STOP_BEFORE"):
    sys.addaudithook(watch)
