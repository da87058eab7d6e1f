"""The tables of the SQL database; migrations/ has the same, as steps."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Float, Integer, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "AuditEntry",
    "Base",
    "LoginBucket",
    "LoginOrigin",
    "LoginSession",
    "PasswordReset",
    "TokenRevocation",
    "User",
]


class Base(DeclarativeBase):
    """Base of every table."""


class User(Base):
    """A user who may log in."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[str] = mapped_column(String(255))
    """Separated by spaces, as in a token."""

    disabled: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class TokenRevocation(Base):
    """Minimum epoch of a subject's tokens; lower ones are refused. It stays after the user is deleted."""

    __tablename__ = "token_revocations"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[float] = mapped_column(Float, index=True)
    """When the epoch was last raised, in seconds since 1970."""


class LoginSession(Base):
    """What one login may be continued with: the refresh token that was issued last."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Part of each of its refresh tokens."""

    subject: Mapped[str] = mapped_column(String(64), index=True)
    scopes: Mapped[str] = mapped_column(String(255))
    """Of the login, separated by spaces."""

    epoch: Mapped[int] = mapped_column(BigInteger)
    """Of the subject at the login. The session ends when it is raised."""

    token_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the secret part of the token, in hexadecimal digits."""

    idle_until: Mapped[float] = mapped_column(Float, index=True)
    """When that token expires, in seconds since 1970."""

    expires: Mapped[float] = mapped_column(Float)
    """When the session ends, however often it is continued."""


class PasswordReset(Base):
    """A code with which a user may set a new password, once."""

    __tablename__ = "password_resets"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 in hexadecimal digits."""

    epoch: Mapped[int] = mapped_column(BigInteger)
    """Of the subject when the code was issued. Any change of the user makes it useless."""

    expires: Mapped[float] = mapped_column(Float)
    """In seconds since 1970."""


class LoginBucket(Base):
    """Unexpired failed logins of one account, one network, or a pair of both."""

    __tablename__ = "login_buckets"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    clear_at: Mapped[float] = mapped_column(Float, index=True)
    """When the last of them expires, in seconds since 1970."""


class LoginOrigin(Base):
    """A network from which an account has logged in."""

    __tablename__ = "login_origins"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    network: Mapped[str] = mapped_column(String(64), primary_key=True)
    last: Mapped[float] = mapped_column(Float)
    """Last login in seconds since 1970, precise to a day."""


class AuditEntry(Base):
    """Who did what to whom, and from where. Entries are added, and removed when they are old, and never changed."""

    __tablename__ = "audit_log"

    # SQLite counts up only a key of type INTEGER.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[float] = mapped_column(Float, index=True)
    """In seconds since 1970."""

    subject: Mapped[str] = mapped_column(String(64))
    """Who did it; empty: the operator of the database, with the command line."""

    action: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(String(64), index=True)
    """The user whom it is about."""

    address: Mapped[str] = mapped_column(String(64))
    changes: Mapped[str] = mapped_column(String(1000))
    """A JSON object, without secrets."""
