"""The promotion lock on Kubernetes: a Lease of coordination.k8s.io/v1.

Every write names the resourceVersion that it is based on, so that of two at once the API server takes one. A Lease
whose record has not changed for its duration, by the clock of whoever waits, belongs to a holder that was killed; no
two clocks are compared. Times are seconds.

Source: the algorithm of client-go's leaderelection package.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from pipelines.config.settings import Settings
from pipelines.console import console
from pipelines.errors import PromotionLocked
from pipelines.promotion.kubernetes_api import FIELD_MANAGER, Resource, connect, is_temporary, patiently

if TYPE_CHECKING:
    from pipelines.promotion.lock import PromotionLock

__all__ = ["Conflict", "Lease", "Timing", "lease_lock"]

CALL_SECONDS = 5


def lease_lock(settings: Settings) -> AbstractContextManager[PromotionLock]:
    """Return the Lease that PIPELINE_LEASE names, to be entered.

    Raises:
        InvalidParams: no cluster is known; on entering, Kubernetes refused.
        Unreachable: on entering, the Kubernetes API did not answer.
        PromotionLocked: on entering, another run kept it for longer than PIPELINE_LOCK_WAIT_SECONDS.
    """
    from kubernetes import client

    api, name, namespace = client.CoordinationV1Api(connect()), settings.lease, settings.namespace

    def read() -> Resource:
        found = api.read_namespaced_lease(name, namespace, _request_timeout=CALL_SECONDS)
        return dict(api.api_client.sanitize_for_serialization(found))

    def patch(body: Resource) -> Resource:
        try:
            changed = api.patch_namespaced_lease(
                name, namespace, body, field_manager=FIELD_MANAGER, _request_timeout=CALL_SECONDS
            )
        except client.ApiException as error:
            if error.status == HTTPStatus.CONFLICT:
                raise Conflict from error
            raise
        return dict(api.api_client.sanitize_for_serialization(changed))

    return Lease(f"Lease {name}", read, patch).held(settings.lock_wait_seconds)


class Conflict(Exception):
    """The object is not of the resourceVersion that a write was based on: somebody wrote meanwhile."""


@dataclass(frozen=True)
class Timing:
    """client-go's rule: duration > valid > renew. A holder stops writing well before anybody may take its place."""

    duration: float = 30
    """How long a record has to stay unchanged before another run takes the Lease."""

    valid: float = 20
    """How long after its last renewal a holder may write."""

    renew: float = 5
    """Pause between renewals, and between two looks at a Lease that another run holds."""


class Lease:
    """One Lease, read and written by two calls to the Kubernetes API; ``lease_lock`` makes them."""

    def __init__(
        self,
        name: str,
        read: Callable[[], Resource],
        patch: Callable[[Resource], Resource],
        timing: Timing | None = None,
    ) -> None:
        """Prepare; nothing is asked yet."""
        self._name, self._read, self._patch, self._timing = name, read, patch, timing or Timing()
        self.identity = f"{os.environ.get('HOSTNAME') or os.uname().nodename}_{uuid.uuid4().hex[:8]}"
        self._resource_version = ""
        self._renewed = 0.0
        self._lost = ""

    @contextmanager
    def held(self, wait_seconds: float) -> Iterator[PromotionLock]:
        """Take the Lease, renew it in the background while the block runs, and give it back.

        Raises:
            PromotionLocked: another run kept it for longer than ``wait_seconds``.
        """
        self._acquire(wait_seconds)
        done = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(done,), daemon=True, name="promotion lease")
        keeper.start()
        try:
            yield self
        finally:
            done.set()
            keeper.join(CALL_SECONDS + 1)
            self._release()

    def check(self) -> None:
        """Do nothing while the Lease is surely ours.

        Raises:
            PromotionLocked: another run took it, or it could not be renewed in time.
        """
        age = time.monotonic() - self._renewed
        if not self._lost and age <= self._timing.valid:
            return
        raise PromotionLocked(
            f"the promotion lock {self._name} was lost ({self._lost or f'not renewed for {age:.0f} s'}): nothing more "
            "is written; the next run finishes what is begun"
        )

    # --- taking ------------------------------------------------------------------------------------------------------

    def _acquire(self, wait_seconds: float) -> None:
        read = patiently(self._read, "PIPELINE_LEASE, PIPELINE_NAMESPACE")
        deadline = time.monotonic() + wait_seconds
        record, since, told = "", 0.0, ""
        while True:
            lease, now = read(), time.monotonic()
            spec = lease.get("spec") or {}
            if record != (record := _record(spec)):
                since = now
            holder = spec.get("holderIdentity") or ""
            expired = now - since >= (spec.get("leaseDurationSeconds") or self._timing.duration)
            if (holder in ("", self.identity) or expired) and self._take(lease):
                return
            if now >= deadline:
                raise PromotionLocked(
                    f"another promotion runs: {self._name} has been held for {wait_seconds:.0f} s and more, by "
                    f"{holder} since {spec.get('acquireTime')}; wait for its end, or end it"
                )
            if holder and told != (told := holder):
                console.print(f"waiting for another promotion to end: {self._name} is held by {holder}")
            time.sleep(min(self._timing.renew, deadline - now))

    def _take(self, lease: Resource) -> bool:
        spec = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._timing.duration)),
            "acquireTime": _now(),
            "renewTime": _now(),
            "leaseTransitions": ((lease.get("spec") or {}).get("leaseTransitions") or 0) + 1,
        }
        write = patiently(self._write, "PIPELINE_LEASE, PIPELINE_NAMESPACE")
        try:
            write(lease["metadata"]["resourceVersion"], spec)
        except Conflict:  # another run was faster, or this is our own write, whose answer was lost
            return False
        return True

    def _write(self, resource_version: str, spec: Resource) -> None:
        began = time.monotonic()
        written = self._patch({"metadata": {"resourceVersion": resource_version}, "spec": spec})
        self._resource_version, self._renewed = written["metadata"]["resourceVersion"], began

    # --- keeping -----------------------------------------------------------------------------------------------------

    def _keep(self, done: threading.Event) -> None:
        while not self._lost and not done.wait(self._timing.renew):
            try:
                self._write_as_holder({"renewTime": _now()})
            except Exception as error:  # check() raises it in the thread that writes
                if not is_temporary(error):
                    self._lost = str(error).partition("\n")[0]

    def _write_as_holder(self, spec: Resource) -> None:
        try:
            self._write(self._resource_version, spec)
        except Conflict:
            lease = self._read()
            holder = (lease.get("spec") or {}).get("holderIdentity") or "nobody"
            if holder != self.identity:
                self._lost = f"taken by {holder}"
            else:  # our own write, whose answer was lost
                self._write(lease["metadata"]["resourceVersion"], spec)

    def _release(self) -> None:
        """Let the next run in at once; where that fails, it waits until the Lease has expired."""
        if self._lost:
            return
        try:
            self._write_as_holder({"holderIdentity": "", "renewTime": _now()})
        except Exception as error:
            reason = str(error).partition("\n")[0]
            console.print(f"{self._name} could not be given back, and expires by itself: {reason}")


def _record(spec: Resource) -> str:
    return repr([spec.get(name) for name in ("holderIdentity", "acquireTime", "renewTime")])


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # Kubernetes wants all six digits
