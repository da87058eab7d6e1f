"""Examine a model in a forked child, so that the process that serves it imports neither XGBoost nor SciPy."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import sys

from bundle import Bundle
from services.api.errors import BundleRefused
from services.api.model.evaluator import FAILED

__all__ = ["examine_in_child"]

SECONDS = 120
"""How long the examination may take; it takes a second."""

log = logging.getLogger("espalier.api.model")


def examine_in_child(bundle: Bundle) -> str:
    """Return what ``examination.examine`` returns. A crash of native code is a failure of lignum.

    Call it before any thread is started, and before this process has used XGBoost: OpenMP does not survive a fork.

    Raises:
        BundleRefused
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _examine_and_exit(bundle, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        is_late = not select.select([pipe], [], [], SECONDS)[0]
        if is_late:
            os.kill(child, signal.SIGKILL)
        answer = pipe.read()
    status = os.waitpid(child, 0)[1]
    if status or not answer:
        error = f"no result within {SECONDS} s" if is_late else f"the comparison ended with status {status}"
        log.warning("lignum cannot evaluate this model", extra={"error": error})
        return FAILED
    told = json.loads(answer)
    if "refused" in told:
        raise BundleRefused(told["refused"])
    return str(told["reason"])


def _examine_and_exit(bundle: Bundle, writing: int) -> None:
    status = 1
    try:
        from services.api.model.examination import examine

        try:
            answer = {"reason": examine(bundle)}
        except BundleRefused as error:
            answer = {"refused": str(error)}
        os.write(writing, json.dumps(answer).encode())
        status = 0
    except BaseException:  # the child must not return into the caller's code
        log.exception("the model could not be examined")
    finally:
        sys.stdout.flush()
        os._exit(status)
