"""Slow down guessing without keeping out those who know the password, over all workers and replicas (docs/adr/0012).

A failed login counts for the account and the network together, for the network, and, from a network that the account
has not logged in from before, for the account. What was counted stops counting by itself; a refused try counts nothing.
A network that the account has logged in from waits only for the failures of the two together.
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
from services.api.database.engine import LoginBucket, LoginOrigin, insert_for, open_session
from services.api.errors import TooManyLogins

__all__ = ["Admission", "LoginThrottle", "networks_of"]


@dataclass(frozen=True)
class Rule:
    """So many failures are free; then each has to stop counting before the next try."""

    free_tries: int
    seconds: float

    def wait(self, clear_at: float, now: float) -> float:
        """Seconds until another try; 0 or less for none."""
        return clear_at - now - (self.free_tries - 1) * self.seconds

    @property
    def max_seconds(self) -> float:
        """How far ahead failures may count, however many came at once."""
        return self.free_tries * self.seconds + MAX_WAIT_SECONDS


MAX_WAIT_SECONDS = 3600

PAIR = Rule(free_tries=5, seconds=60)
"""One account from one network."""

NETWORK = Rule(free_tries=20, seconds=60)
"""All accounts from one network."""

SITE = Rule(free_tries=80, seconds=15)
"""All accounts from one IPv6 /48, which is what one customer gets."""

ACCOUNT = Rule(free_tries=100, seconds=60)
"""One account from all networks that it has not logged in from. Beyond this the account is under attack: it refuses
nobody, but such a network has one try, and the next after ATTACK_SECONDS."""

ATTACK_SECONDS = 3600.0

ORIGIN_SECONDS = 30 * 86400
"""How long a network is known after a login."""

ORIGIN_STEP_SECONDS = 86400
"""The time of the last login is kept no more exactly than this."""

MAX_ORIGINS = 20
"""Networks kept for one account; the oldest go first."""

MAX_BUCKETS = 100_000
"""Failures kept; those that would stop counting first go first."""

PRUNE_EVERY = 256
"""Failures of one worker between two looks at what no longer counts."""


@dataclass(frozen=True)
class Admission:
    """A login that may be tried."""

    name: str
    networks: tuple[str, ...]
    is_known: bool
    """Whether the account has logged in from there."""

    is_under_attack: bool

    @property
    def costs(self) -> dict[str, tuple[Rule, float]]:
        """What a failure counts: bucket → rule and seconds."""
        rules = dict(zip(self.networks, (NETWORK, SITE), strict=False))
        found = {_key("network", network): (rule, rule.seconds) for network, rule in rules.items()}
        strict = self.is_under_attack and not self.is_known
        found[self.pair] = (PAIR, ATTACK_SECONDS if strict else PAIR.seconds)
        if not self.is_known:
            found[self.account] = (ACCOUNT, ACCOUNT.seconds)
        return found

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
        """Use tables that ``migrate`` has made."""
        self._engine, self._now = engine, now
        self._failures = 0

    def admit(self, name: str, address: str) -> Admission:
        """Let a login be tried, or refuse it.

        Raises:
            TooManyLogins: says how long to wait.
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
            raise TooManyLogins(f"too many failed logins; come again in {wait} s", wait)
        return admission

    def failed(self, admission: Admission) -> None:
        """Count a failure."""
        now = self._now()
        with open_session(self._engine) as session:
            for key, (rule, seconds) in sorted(admission.costs.items()):  # in one order, so that no two deadlock
                _count(session, key, now=now, seconds=seconds, latest=now + rule.max_seconds)
        self._failures += 1
        if self._failures % PRUNE_EVERY == 0:
            self.prune()

    def succeeded(self, admission: Admission) -> None:
        """Know the network from now on. Failures count on: whoever else is behind it must not gain tries by this."""
        with open_session(self._engine) as session:
            _remember(session, admission.name, admission.networks[0], self._now())

    def prune(self) -> None:
        """Remove what no longer counts, and of the rest all but the most that may be kept."""
        with open_session(self._engine) as session:
            _remove(session, LoginBucket.clear_at <= self._now())
            kept = session.scalar(select(func.count()).select_from(LoginBucket)) or 0
            if kept > MAX_BUCKETS:
                soonest = select(LoginBucket.key).order_by(LoginBucket.clear_at).limit(kept - MAX_BUCKETS)
                _remove(session, LoginBucket.key.in_(soonest))


def networks_of(address: str) -> tuple[str, ...]:
    """Return what an address counts as: IPv4 itself; IPv6 its /64, and the /48 around it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return (hashlib.sha256(address.encode(errors="surrogatepass")).hexdigest(),)
    if isinstance(found, ipaddress.IPv4Address):
        return (str(found),)
    if found.ipv4_mapped:
        return (str(found.ipv4_mapped),)
    return tuple(str(ipaddress.ip_network((found, bits), strict=False)) for bits in (64, 48))


def _wait(admission: Admission, clear_at: dict[str, float], now: float) -> float:
    counted = {key: clear_at.get(key, 0.0) for key in admission.costs}
    if admission.is_known:
        return PAIR.wait(counted[admission.pair], now)
    waits = [rule.wait(counted[key], now) for key, (rule, _) in admission.costs.items() if key != admission.account]
    if admission.is_under_attack:
        waits.append(counted[admission.pair] - now)
    return max(waits)


def _count(session: Session, key: str, *, now: float, seconds: float, latest: float) -> None:
    # One statement, so that two failures at once are two. Counted from now where nothing counts any more.
    old = case((LoginBucket.clear_at > now, LoginBucket.clear_at), else_=now) + seconds
    new = case((old > latest, latest), else_=old)
    statement = insert_for(session, LoginBucket).values(key=key, clear_at=now + seconds)
    session.execute(statement.on_conflict_do_update(index_elements=[LoginBucket.key], set_={"clear_at": new}))


def _is_known(session: Session, name: str, network: str, now: float) -> bool:
    if not is_user_name(name):  # whatever was typed, of any length, and of characters that no column takes
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
    # Another worker may be removing, or counting, the same ones: those are left to it.
    keys = select(LoginBucket.key).where(which).with_for_update(skip_locked=True)
    session.execute(delete(LoginBucket).where(LoginBucket.key.in_(keys)))


def _key(kind: str, *parts: str) -> str:
    # Hashed: it is what somebody typed, of any length, and sometimes a password in the wrong field.
    text = "\0".join(parts).encode(errors="surrogatepass")
    return f"{kind}:{hashlib.sha256(text).hexdigest()[:48]}"
