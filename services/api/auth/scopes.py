"""Permissions of a user."""

from enum import StrEnum

__all__ = ["Scope"]


class Scope(StrEnum):
    """One permission, as written in tokens."""

    PREDICT = "predict"
    MODEL_READ = "model:read"
    FEEDBACK_WRITE = "feedback:write"
    USERS_ADMIN = "users:admin"
