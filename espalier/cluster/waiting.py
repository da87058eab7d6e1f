"""Wait for something in a cluster, and show what is being waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console

from espalier.cluster.errors import ClusterError, CommandRefused, TimedOut
from espalier.cluster.tools import Kube

__all__ = ["wait_for_job", "wait_for_rollout", "wait_until"]

PAUSE_SECONDS = 1.0

console = Console(stderr=True, highlight=False)

Probe = Callable[[], str]
"""What is still missing, in a few words; an empty text when nothing is."""


def wait_until(what: str, probe: Probe, *, seconds: float, hint: str = "") -> None:
    """Ask ``probe`` again and again until nothing is missing.

    Args:
        what: shown with what is missing and the time that has passed.
        hint: a command that tells more, for the failure's text.

    Raises:
        TimedOut: with what was missing at the end.
    """
    started, missing = time.monotonic(), "not asked yet"
    with console.status(what) as status:
        while (passed := time.monotonic() - started) < seconds:
            try:
                missing = probe()
            except CommandRefused as error:  # the API server may be busy; asked again until the time is up
                missing = str(error)
            if not missing:
                break
            status.update(f"{what}: {missing} ({passed:.0f} s)")
            time.sleep(PAUSE_SECONDS)
        else:
            raise TimedOut(f"{what} took longer than {seconds:.0f} s: {missing}" + (f"\n  see: {hint}" if hint else ""))
    console.print(f"  {what}: {time.monotonic() - started:.0f} s")


def wait_for_rollout(kube: Kube, kind: str, name: str, *, seconds: float = 300) -> None:
    """Wait until every pod of a Deployment or StatefulSet is new and ready."""

    def missing() -> str:
        found = kube.get(kind, name)
        status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
        new, ready = status.get("updatedReplicas") or 0, status.get("readyReplicas") or 0
        current = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        if current and new == ready == wanted == (status.get("replicas") or 0):
            return ""
        return f"{ready} of {wanted} pods ready"

    wait_until(f"{kind} {name}", missing, seconds=seconds, hint=f"kubectl -n {kube.namespace} describe {kind} {name}")


def wait_for_job(kube: Kube, name: str, *, seconds: float = 1200) -> None:
    """Wait until a Job has ended well.

    Raises:
        ClusterError: it has failed; the text has the end of its log.
    """

    def missing() -> str:
        job = kube.get("job", name)
        conditions = {one["type"]: one for one in job.get("status", {}).get("conditions") or [] if is_true(one)}
        if "Failed" in conditions:
            raise ClusterError(f"job {name} failed ({conditions['Failed'].get('reason')}); its log ends with:\n{log()}")
        return "" if "Complete" in conditions else last_line()

    def log() -> str:
        return kube.kubectl("logs", f"job/{name}", "--tail=15", "--ignore-errors")

    def last_line() -> str:
        try:
            lines = kube.kubectl("logs", f"job/{name}", "--tail=1").strip().splitlines()
        except CommandRefused:  # no pod yet
            return "its pod is starting"
        return lines[-1][:100] if lines else "its pod is starting"

    wait_until(f"job {name}", missing, seconds=seconds, hint=f"kubectl -n {kube.namespace} logs job/{name}")


def is_true(condition: dict[str, Any]) -> bool:
    """Tell whether a Kubernetes condition holds."""
    return bool(condition["status"] == "True")
