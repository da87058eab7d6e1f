"""Rate limit for failed logins: slow down brute force on all replicas, without a lockout of the owner (docs/adr/0012).

A failed login counts for the pair of account and network, for the network, and, if the account has not logged in from
that network before, for the account. Failures expire by themselves; a refused attempt is not counted. From a network
that the account has logged in from, only the failures of the pair count.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, case, delete, func, select
from sqlalchemy.orm import Session

from services.api.auth.usernames import is_user_name
from services.api.database.engine import insert_for, open_session
from services.api.database.tables import LoginBucket, LoginOrigin
from services.api.errors import TooManyLogins

__all__ = ["Admission", "LoginThrottle", "networks_of"]


@dataclass(frozen=True)
class Rule:
    """``free_tries`` failures are free. After that, each one must expire before the next attempt."""

    free_tries: int
    seconds: float

    def wait(self, clear_at: float, now: float) -> float:
        """Seconds until the next attempt; 0 or less: now."""
        return clear_at - now - (self.free_tries - 1) * self.seconds

    @property
    def max_seconds(self) -> float:
        """How far into the future failures may count, regardless of how many occur at once."""
        return self.free_tries * self.seconds + MAX_WAIT_SECONDS


MAX_WAIT_SECONDS = 3600

PAIR = Rule(free_tries=5, seconds=60)
"""One account from one network."""

NETWORK = Rule(free_tries=20, seconds=60)
"""All accounts from one network."""

SITE = Rule(free_tries=80, seconds=15)
"""All accounts from one IPv6 /48, the usual allocation of one customer."""

ACCOUNT = Rule(free_tries=100, seconds=60)
"""One account from all networks that it has not logged in from. Beyond this the account is under attack: such a network
has one attempt, and the next one after ATTACK_SECONDS."""

ATTACK_SECONDS = 3600.0

ORIGIN_SECONDS = 30 * 86400
"""How long a network stays known after a login."""

ORIGIN_STEP_SECONDS = 86400
"""Precision of the stored time of the last login."""

MAX_ORIGINS = 20
"""Maximum networks per account; the oldest are deleted first."""

MAX_BUCKETS = 100_000
"""Maximum stored failures; those that expire first are deleted first."""

PRUNE_EVERY = 256
"""Failures of one worker between two deletions of expired ones."""


@dataclass(frozen=True)
class Admission:
    """A login attempt that is allowed."""

    name: str
    networks: tuple[str, ...]
    is_known: bool
    """Whether the account has logged in from this network."""

    is_under_attack: bool

    @property
    def costs(self) -> dict[str, tuple[Rule, float]]:
        """What a failure adds: bucket → rule and seconds."""
        rules = dict(zip(self.networks, (NETWORK, SITE), strict=False))
        costs = {_key("network", network): (rule, rule.seconds) for network, rule in rules.items()}
        strict = self.is_under_attack and not self.is_known
        costs[self.pair] = (PAIR, ATTACK_SECONDS if strict else PAIR.seconds)
        if not self.is_known:
            costs[self.account] = (ACCOUNT, ACCOUNT.seconds)
        return costs

    @property
    def pair(self) -> str:
        """Bucket of the account and the network."""
        return _key("pair", self.name, self.networks[0])

    @property
    def account(self) -> str:
        """Bucket of the account."""
        return _key("account", self.name)


class LoginThrottle:
    """Counts failed logins in the database."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        """Use the tables of a migrated database."""
        self._engine, self._now = engine, now
        self._failures = 0

    def admit(self, name: str, address: str) -> Admission:
        """Allow a login attempt, or refuse it.

        Raises:
            TooManyLogins: the text says how long to wait.
        """
        now, networks = self._now(), networks_of(address)
        asked = Admission(name, networks, is_known=False, is_under_attack=False)
        with open_session(self._engine) as session:
            rows = session.scalars(select(LoginBucket).where(LoginBucket.key.in_(asked.costs)))
            clear_at = {row.key: row.clear_at for row in rows}
            is_known = _is_known(session, name, networks[0], now)
        is_under_attack = ACCOUNT.wait(clear_at.get(asked.account, 0.0), now) > 0
        admission = Admission(name, networks, is_known, is_under_attack)
        wait = math.ceil(round(_wait(admission, clear_at, now), 3))
        if wait > 0:
            raise TooManyLogins(f"too many failed logins; retry in {wait} s", wait)
        return admission

    def failed(self, admission: Admission) -> None:
        """Count a failure."""
        now = self._now()
        with open_session(self._engine) as session:
            for key, (rule, seconds) in sorted(admission.costs.items()):  # in one order, to avoid deadlocks
                _count(session, key, now=now, seconds=seconds, latest=now + rule.max_seconds)
        self._failures += 1
        if self._failures % PRUNE_EVERY == 0:
            self.prune()

    def succeeded(self, admission: Admission) -> None:
        """Mark the network as known. Its failures still count, so that an attacker behind it gains no attempts."""
        with open_session(self._engine) as session:
            _remember(session, admission.name, admission.networks[0], self._now())

    def prune(self) -> None:
        """Delete expired failures, and the oldest of the others beyond ``MAX_BUCKETS``."""
        with open_session(self._engine) as session:
            _remove(session, LoginBucket.clear_at <= self._now())
            kept = session.scalar(select(func.count()).select_from(LoginBucket)) or 0
            if kept > MAX_BUCKETS:
                soonest = select(LoginBucket.key).order_by(LoginBucket.clear_at).limit(kept - MAX_BUCKETS)
                _remove(session, LoginBucket.key.in_(soonest))


def networks_of(address: str) -> tuple[str, ...]:
    """Return the networks of an address: IPv4: the address itself; IPv6: its /64 and its /48."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return (hashlib.sha256(address.encode(errors="surrogatepass")).hexdigest(),)
    if isinstance(parsed, ipaddress.IPv4Address):
        return (str(parsed),)
    if parsed.ipv4_mapped:
        return (str(parsed.ipv4_mapped),)
    return tuple(str(ipaddress.ip_network((parsed, bits), strict=False)) for bits in (64, 48))


def _wait(admission: Admission, clear_at: dict[str, float], now: float) -> float:
    counted = {key: clear_at.get(key, 0.0) for key in admission.costs}
    if admission.is_known:
        return PAIR.wait(counted[admission.pair], now)
    waits = [rule.wait(counted[key], now) for key, (rule, _) in admission.costs.items() if key != admission.account]
    if admission.is_under_attack:
        waits.append(counted[admission.pair] - now)
    return max(waits)


def _count(session: Session, key: str, *, now: float, seconds: float, latest: float) -> None:
    # One statement, so that two simultaneous failures count as two. An expired bucket restarts from now.
    old = case((LoginBucket.clear_at > now, LoginBucket.clear_at), else_=now) + seconds
    new = case((old > latest, latest), else_=old)
    statement = insert_for(session, LoginBucket).values(key=key, clear_at=now + seconds)
    session.execute(statement.on_conflict_do_update(index_elements=[LoginBucket.key], set_={"clear_at": new}))


def _is_known(session: Session, name: str, network: str, now: float) -> bool:
    if not is_user_name(name):  # any text a client sent, of any length, with characters that no column accepts
        return False
    origin = session.get(LoginOrigin, (name, network))
    return origin is not None and origin.last > now - ORIGIN_SECONDS


def _remember(session: Session, name: str, network: str, now: float) -> None:
    origin = session.get(LoginOrigin, (name, network))
    if origin is not None and origin.last > now - ORIGIN_STEP_SECONDS:
        return
    statement = insert_for(session, LoginOrigin).values(name=name, network=network, last=now)
    session.execute(statement.on_conflict_do_update(index_elements=["name", "network"], set_={"last": now}))
    newest = select(LoginOrigin.last).where(LoginOrigin.name == name).order_by(LoginOrigin.last.desc())
    limit = session.scalar(newest.offset(MAX_ORIGINS).limit(1)) or 0.0
    oldest = max(limit, now - ORIGIN_SECONDS)
    session.execute(delete(LoginOrigin).where(LoginOrigin.name == name, LoginOrigin.last <= oldest))


def _remove(session: Session, which: ColumnElement[bool]) -> None:
    # Skip rows that another worker is deleting or updating.
    keys = select(LoginBucket.key).where(which).with_for_update(skip_locked=True)
    session.execute(delete(LoginBucket).where(LoginBucket.key.in_(keys)))


def _key(kind: str, *parts: str) -> str:
    # Hashed: it is any text a client sent, of any length, and sometimes a password in the wrong field.
    text = "\0".join(parts).encode(errors="surrogatepass")
    return f"{kind}:{hashlib.sha256(text).hexdigest()[:48]}"
