"""Wait for a rollout or a Job in a cluster, and show its progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from espalier.cluster.errors import ClusterError, CommandRefused, TimedOut
from espalier.cluster.tools import Kube

__all__ = ["wait_for_job", "wait_for_rollout", "wait_until"]

PAUSE_SECONDS = 1.0

console = Console(stderr=True, highlight=False)

Probe = Callable[[], str]
"""Returns what is still missing, in a few words; an empty text when nothing is."""

Report = Callable[[str], None]
"""Shows the current state, in a few words."""


def wait_until(what: str, probe: Probe, *, seconds: float, hint: str = "") -> None:
    """Call ``probe`` until nothing is missing, and show what is missing and the elapsed time.

    Args:
        what: name of the thing to wait for.
        hint: a command that shows details, for the error message.

    Raises:
        TimedOut: the message says what is still missing.
    """
    with _progress(what) as report:
        _poll(what, probe, report, seconds=seconds, hint=hint)


def wait_for_rollout(kube: Kube, kind: str, name: str, *, seconds: float = 300) -> None:
    """Wait with ``kubectl rollout status`` for a Deployment or StatefulSet, and show its output.

    It is run again when it fails: the API server may be busy, and a Deployment whose progress deadline has passed
    recovers once its image or its database is available.

    Raises:
        TimedOut: the message ends with the output of kubectl.
    """
    what, deadline = f"{kind} {name}", time.monotonic() + seconds
    with _progress(what) as report:

        def probe() -> str:
            left = max(deadline - time.monotonic(), 1)
            kube.follow("rollout", "status", f"{kind}/{name}", f"--timeout={left:.0f}s", report=report, seconds=left)
            return ""

        hint = f"kubectl -n {kube.namespace} describe {kind} {name}"
        _poll(what, probe, report, seconds=seconds, hint=hint)


def wait_for_job(kube: Kube, name: str, *, seconds: float = 1200) -> None:
    """Wait until a Job is complete, and show the last line of its log meanwhile.

    ``kubectl wait`` takes one condition: it would wait for a failed Job until the time is up.

    Raises:
        ClusterError: the Job failed; the message ends with the end of its log.
        TimedOut: it is still running.
    """

    def probe() -> str:
        job = kube.get("job", name)
        conditions = {
            condition["type"]: condition
            for condition in job.get("status", {}).get("conditions") or []
            if condition["status"] == "True"
        }
        if "Failed" in conditions:
            raise ClusterError(f"job {name} failed ({conditions['Failed'].get('reason')}); end of its log:\n{log()}")
        return "" if "Complete" in conditions else last_line()

    def log() -> str:
        return kube.kubectl("logs", f"job/{name}", "--tail=15", "--ignore-errors")

    def last_line() -> str:
        try:
            lines = kube.kubectl("logs", f"job/{name}", "--tail=1").strip().splitlines()
        except CommandRefused:  # no pod yet
            return "its pod is starting"
        return lines[-1][:100] if lines else "its pod is starting"

    wait_until(f"job {name}", probe, seconds=seconds, hint=f"kubectl -n {kube.namespace} logs job/{name}")


def _poll(what: str, probe: Probe, report: Report, *, seconds: float, hint: str) -> None:
    from tenacity import (
        Future,
        RetryCallState,
        RetryError,
        Retrying,
        retry_if_exception_type,
        retry_if_result,
        stop_after_delay,
        wait_fixed,
    )

    def missing(attempt: Future) -> str:
        return str(attempt.exception() or attempt.result())

    def report_missing(state: RetryCallState) -> None:
        assert state.outcome is not None  # noqa: S101 (tenacity calls this after an attempt)
        report(missing(state.outcome).partition("\n")[0])

    retrying = Retrying(
        retry=retry_if_result(bool) | retry_if_exception_type(CommandRefused),  # the API server may be busy
        stop=stop_after_delay(seconds),
        wait=wait_fixed(PAUSE_SECONDS),
        after=report_missing,
    )
    try:
        retrying(probe)
    except RetryError as error:
        see = f"\n  see: {hint}" if hint else ""
        raise TimedOut(f"{what} took longer than {seconds:.0f} s: {missing(error.last_attempt)}{see}") from error


@contextmanager
def _progress(what: str) -> Iterator[Report]:
    """Show what the block waits for, with a clock; print the total time at its end."""
    started = time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as display:
        task = display.add_task(what)
        yield lambda state: display.update(task, description=f"{what}: {state}")
    console.print(f"  {what}: {time.monotonic() - started:.0f} s")
