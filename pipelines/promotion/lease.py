"""The promotion lock on Kubernetes: a Lease of coordination.k8s.io/v1.

Every write names the resourceVersion that it is based on, so the API server accepts only one of two concurrent writes.
If the record of a Lease does not change for its duration, measured by the clock of the waiting run, its holder was
killed; the clocks of two machines are never compared. Times are in seconds.

The loops here are not retries of one call: one compares each record with the one before it, the other renews a Lease
until it is released.

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
    """Return the Lease that PIPELINE_LEASE names, as a context manager.

    Raises:
        InvalidParams: no cluster is configured; on entering, Kubernetes rejected the call.
        Unreachable: on entering, the Kubernetes API did not answer.
        PromotionLocked: on entering, another run held it for longer than PIPELINE_LOCK_WAIT_SECONDS.
    """
    from kubernetes import client

    api, name, namespace = client.CoordinationV1Api(connect()), settings.lease, settings.namespace

    def read() -> Resource:
        lease = api.read_namespaced_lease(name, namespace, _request_timeout=CALL_SECONDS)
        return dict(api.api_client.sanitize_for_serialization(lease))

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
    """The object has changed since it was read: another client wrote it."""


@dataclass(frozen=True)
class Timing:
    """The rule of client-go: duration > valid > renew. A holder stops writing well before another run may take over."""

    duration: float = 30
    """How long a record must stay unchanged before another run takes the Lease."""

    valid: float = 20
    """How long after its last renewal a holder may write."""

    renew: float = 5
    """Pause between renewals, and between checks of a Lease that another run holds."""


class Lease:
    """One Lease, read and written by two calls to the Kubernetes API; ``lease_lock`` creates them."""

    def __init__(
        self,
        name: str,
        read: Callable[[], Resource],
        patch: Callable[[Resource], Resource],
        timing: Timing | None = None,
    ) -> None:
        """Store the calls; nothing is sent yet."""
        self._name, self._read, self._patch, self._timing = name, read, patch, timing or Timing()
        self.identity = f"{os.environ.get('HOSTNAME') or os.uname().nodename}_{uuid.uuid4().hex[:8]}"
        self._resource_version = ""
        self._renewed = 0.0
        self._lost = ""

    @contextmanager
    def held(self, wait_seconds: float) -> Iterator[PromotionLock]:
        """Acquire the Lease, renew it in the background while the block runs, and release it.

        Raises:
            PromotionLocked: another run held it for longer than ``wait_seconds``.
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
        """Do nothing while this run certainly holds the Lease.

        Raises:
            PromotionLocked: another run took it, or it was not renewed in time.
        """
        age = time.monotonic() - self._renewed
        if not self._lost and age <= self._timing.valid:
            return
        raise PromotionLocked(
            f"the promotion lock {self._name} was lost ({self._lost or f'not renewed for {age:.0f} s'}): this run "
            "stops writing; the next run finishes or reverts the promotion"
        )

    # --- acquire -----------------------------------------------------------------------------------------------------

    def _acquire(self, wait_seconds: float) -> None:
        read = patiently(self._read, "PIPELINE_LEASE, PIPELINE_NAMESPACE")
        deadline = time.monotonic() + wait_seconds
        record, since, reported = "", 0.0, ""
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
                    f"another promotion is running: {self._name} has been held for more than {wait_seconds:.0f} s, by "
                    f"{holder} since {spec.get('acquireTime')}; wait until it finishes, or stop it"
                )
            if holder and reported != (reported := holder):
                console.print(f"waiting for another promotion: {self._name} is held by {holder}")
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
        except Conflict:  # another run was faster, or this is our own write and its response was lost
            return False
        return True

    def _write(self, resource_version: str, spec: Resource) -> None:
        began = time.monotonic()
        written = self._patch({"metadata": {"resourceVersion": resource_version}, "spec": spec})
        self._resource_version, self._renewed = written["metadata"]["resourceVersion"], began

    # --- renew -------------------------------------------------------------------------------------------------------

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
            holder = (lease.get("spec") or {}).get("holderIdentity") or "no run"
            if holder != self.identity:
                self._lost = f"taken by {holder}"
            else:  # our own write; its response was lost
                self._write(lease["metadata"]["resourceVersion"], spec)

    def _release(self) -> None:
        """Release the Lease for the next run. If that fails, the next run waits until it expires."""
        if self._lost:
            return
        try:
            self._write_as_holder({"holderIdentity": "", "renewTime": _now()})
        except Exception as error:
            reason = str(error).partition("\n")[0]
            console.print(f"could not release {self._name}; it will expire: {reason}")


def _record(spec: Resource) -> str:
    return repr([spec.get(name) for name in ("holderIdentity", "acquireTime", "renewTime")])


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # Kubernetes requires six decimals
