"""Examine a model in a forked child, so that the process that serves it imports neither XGBoost nor SciPy."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any

from bundle import Bundle, BundleError
from evaluation.evaluator import FAILED
from services.api.errors import BundleRefused

__all__ = ["examine_in_child"]

SECONDS = 120
"""How long an examination may take; it takes a second."""

log = logging.getLogger("espalier.api.model")


class _Crashed(Exception):
    """The child ended without a result, or hung."""


def examine_in_child(bundle: Bundle) -> str:
    """Return what ``examination.examine`` returns. A crash of native code counts as a failure of lignum.

    After a crash, a second child examines XGBoost, which must then evaluate the model. Call it before any thread is
    started, and before this process has used XGBoost: OpenMP does not survive a fork.

    Raises:
        BundleRefused: also if the second child crashes.
    """
    try:
        return _result_of(lambda: _examination().examine(bundle))
    except _Crashed as error:
        log.warning("lignum cannot evaluate this model", extra={"error": str(error)})
    try:
        return _result_of(lambda: _examination().examine_xgboost(bundle, FAILED))
    except _Crashed as error:
        raise BundleRefused(f"XGBoost cannot evaluate the bundle's model: {error}") from error


def _examination() -> Any:
    from evaluation import examination

    return examination


def _result_of(work: Callable[[], str]) -> str:
    """Do the work in a child.

    Raises:
        BundleRefused: the work raised it.
        _Crashed
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _work_and_exit(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        is_late = not select.select([pipe], [], [], SECONDS)[0]
        if is_late:
            os.kill(child, signal.SIGKILL)
        answer = pipe.read()
    status = os.waitpid(child, 0)[1]
    if status or not answer:
        raise _Crashed(f"no result within {SECONDS} s" if is_late else f"the comparison ended with status {status}")
    told = json.loads(answer)
    if "refused" in told:
        raise BundleRefused(told["refused"])
    return str(told["reason"])


def _work_and_exit(work: Callable[[], str], writing: int) -> None:
    status = 1
    try:
        try:
            answer = {"reason": work()}
        except (BundleError, BundleRefused) as error:
            answer = {"refused": str(error)}
        os.write(writing, json.dumps(answer).encode())
        status = 0
    except BaseException:  # the child must not return into the caller's code
        log.exception("the model could not be examined")
    finally:
        sys.stdout.flush()
        os._exit(status)
