"""Users, and the rules for changing them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Engine, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.api.auth.accounts import Account, UserChange
from services.api.auth.audit_log import OPERATOR, Actor, record
from services.api.auth.scopes import Scope
from services.api.auth.usernames import USER_NAME_RULE, is_user_name
from services.api.database.engine import changes_rows, insert_for, migrate, open_engine, open_session
from services.api.database.tables import LoginOrigin, TokenRevocation, User
from services.api.errors import InvalidRequest, InvalidToken, LastAdministrator, UnknownUser, UserExists

__all__ = ["SqlUserStore", "open_user_store", "revoke_tokens"]


class SqlUserStore:
    """Users in an SQL database."""

    def __init__(self, engine: Engine) -> None:
        """Use the tables of a migrated database."""
        self._engine = engine

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def find(self, name: str) -> Account | None:
        """Return the user with this name."""
        if not is_user_name(name):  # any text a client sent, of any length, with characters that no column accepts
            return None
        with open_session(self._engine) as session:
            return next(_accounts(session, User.name == name), None)

    def list(self) -> list[Account]:
        """Return every user, by name."""
        with open_session(self._engine) as session:
            return [*_accounts(session)]

    def create(self, name: str, password_hash: str, scopes: Iterable[str], *, by: Actor = OPERATOR) -> Account:
        """Create a user. Tokens of an earlier user of the same name stay revoked.

        Raises:
            InvalidRequest: the name or a scope is not allowed.
            UserExists: the name is taken.
            InvalidToken: ``by`` is not an administrator any more.
        """
        checked = _checked_scopes(scopes)
        if not is_user_name(name):
            raise InvalidRequest(USER_NAME_RULE)
        user = User(name=name, password_hash=password_hash, scopes=checked, disabled=False, created=datetime.now(UTC))
        try:
            with self.administration(name, by) as session:
                session.add(user)
                session.flush()
                revoke_tokens(session, name)
                record(session, by, "user created", name, {"scopes": checked.split()})
                return next(_accounts(session, User.name == name))
        except IntegrityError as error:
            raise UserExists(f"user {name} already exists") from error

    def change(self, name: str, change: UserChange, *, by: Actor = OPERATOR) -> Account:
        """Change a user. If anything changes, tokens issued before are revoked.

        Raises:
            UnknownUser
            InvalidRequest: a scope is not allowed, or ``by`` may not do this to themselves.
            LastAdministrator: no enabled administrator would be left.
            InvalidToken: ``by`` is not an administrator any more.
        """
        scopes = None if change.scopes is None else _checked_scopes(change.scopes)
        if by.claims and by.subject == name and (change.disabled is not None or change.password_hash is not None):
            raise InvalidRequest(
                "you cannot disable or enable yourself: ask another administrator; change your own password at "
                "/v1/users/me/password"
            )
        requested = {"disabled": change.disabled, "scopes": scopes, "password_hash": change.password_hash}
        with self.administration(name, by) as session:
            user = _get(session, name)
            was_administrator = _to_account(user, 0).is_administrator
            changed = {key: to for key, to in requested.items() if to is not None and to != getattr(user, key)}
            for key, to in changed.items():
                setattr(user, key, to)
            if changed:
                session.flush()
                _check_administrators(session, name, was_administrator)
                revoke_tokens(session, name)
                record(session, by, "user changed", name, _shown(changed))
            return next(_accounts(session, User.name == name))

    def delete(self, name: str, *, by: Actor = OPERATOR) -> None:
        """Delete a user. Tokens issued before are revoked.

        Raises:
            UnknownUser
            InvalidRequest: ``by`` is the user.
            LastAdministrator: no enabled administrator would be left.
            InvalidToken: ``by`` is not an administrator any more.
        """
        if by.claims and by.subject == name:
            raise InvalidRequest("you cannot delete yourself; ask another administrator")
        with self.administration(name, by) as session:
            user = _get(session, name)
            session.delete(user)
            session.flush()
            _check_administrators(session, name, _to_account(user, 0).is_administrator)
            revoke_tokens(session, name)
            record(session, by, "user deleted", name)

    def change_own_password(self, account: Account, password_hash: str, *, by: Actor) -> None:
        """Replace the password of a user who has proved the old one. Tokens issued before are revoked.

        Raises:
            InvalidToken: the account has changed since.
        """
        with self.administration(account.name, by) as session:
            if not _replace_hash(session, account.name, account.password_hash, password_hash):
                raise InvalidToken
            revoke_tokens(session, account.name)
            record(session, by, "user changed", account.name, {"password": "own"})

    def replace_hash(self, name: str, old: str, new: str) -> bool:
        """Replace the hash of the same password, unless the password has changed. No token is revoked."""
        with open_session(self._engine) as session:
            return _replace_hash(session, name, old, new)

    def revoke(self, name: str, *, by: Actor) -> None:
        """Revoke the tokens and sessions of a user that have begun before."""
        with self.administration(name, by) as session:
            revoke_tokens(session, name)
            record(session, by, "all sessions ended", name)

    def session(self) -> AbstractContextManager[Session]:
        """Return a transaction that reads what belongs to a user."""
        return open_session(self._engine)

    @contextmanager
    def administration(self, name: str, by: Actor) -> Iterator[Session]:
        """Yield a transaction in which no other one changes this user or the set of administrators."""
        if not is_user_name(name):
            raise UnknownUser(USER_NAME_RULE)
        with open_session(self._engine) as session:
            # Write first: SQLite has one writer at a time, from its first write on, so what is read below stays valid.
            # PostgreSQL locks this row only.
            lock = insert_for(session, TokenRevocation).values(subject=name, epoch=0, at=0.0)
            session.execute(lock.on_conflict_do_update(index_elements=["subject"], set_={"subject": name}))
            # On PostgreSQL, lock the rows of all administrators, in one order: a transaction that waits here then
            # reads what the one before it committed. SQLite has no such clause, and SQLAlchemy sends it none.
            administrators = select(User.name).where(_IS_ADMINISTRATOR).order_by(User.name).with_for_update()
            enabled = set(session.scalars(administrators))
            claims = by.claims
            if claims and (claims.subject not in enabled or _epoch(session, claims.subject) != claims.epoch):
                raise InvalidToken
            yield session


def open_user_store(database_url: str) -> SqlUserStore:
    """Migrate a database and return its users; the caller closes the store.

    Raises:
        StartupFailed: the database cannot be used.
    """
    migrate(database_url)
    return SqlUserStore(open_engine(database_url))


_IS_ADMINISTRATOR = ~User.disabled & (" " + User.scopes + " ").contains(f" {Scope.USERS_ADMIN} ")


def _check_administrators(session: Session, changed: str, was_administrator: bool) -> None:
    if was_administrator and not session.scalar(select(func.count()).select_from(User).where(_IS_ADMINISTRATOR)):
        raise LastAdministrator(f"{changed} is the last enabled administrator; create or enable another one first")


def revoke_tokens(session: Session, name: str) -> None:
    """Raise the epoch of a user, which ends tokens, sessions and codes for a new password that were issued before."""
    raised = {"epoch": TokenRevocation.epoch + 1, "at": time.time()}
    session.execute(update(TokenRevocation).where(TokenRevocation.subject == name).values(**raised))
    session.execute(delete(LoginOrigin).where(LoginOrigin.name == name))  # every network must prove a login again


def _shown(changed: Mapping[str, object]) -> dict[str, object]:
    """Return changes of columns without the secret one."""
    shown = {key: to.split() if key == "scopes" and isinstance(to, str) else to for key, to in changed.items()}
    if shown.pop("password_hash", None):
        shown["password"] = "new"  # noqa: S105 (says only that there is one)
    return shown


def _replace_hash(session: Session, name: str, old: str, new: str) -> bool:
    statement = update(User).where(User.name == name, User.password_hash == old).values(password_hash=new)
    return changes_rows(session, statement)


def _epoch(session: Session, name: str) -> int:
    return session.scalar(select(TokenRevocation.epoch).where(TokenRevocation.subject == name)) or 0


def _get(session: Session, name: str) -> User:
    user = session.get(User, name)
    if user is None:
        raise UnknownUser(f"user {name} does not exist")
    return user


def _accounts(session: Session, *which: ColumnElement[bool]) -> Iterator[Account]:
    users = select(User, TokenRevocation.epoch).outerjoin(TokenRevocation, TokenRevocation.subject == User.name)
    for user, epoch in session.execute(users.where(*which).order_by(User.name)):
        yield _to_account(user, epoch or 0)


def _to_account(user: User, epoch: int) -> Account:
    return Account(
        name=user.name,
        password_hash=user.password_hash,
        scopes=frozenset(user.scopes.split()),
        disabled=user.disabled,
        created=user.created.replace(tzinfo=user.created.tzinfo or UTC),  # SQLite keeps no offset
        epoch=epoch,
    )


def _checked_scopes(scopes: Iterable[str]) -> str:
    requested = sorted(set(scopes))
    unknown = [scope for scope in requested if scope not in set(Scope)]
    if unknown or not requested:
        raise InvalidRequest(f"scopes must be one or more of {', '.join(Scope)}")
    return " ".join(requested)
