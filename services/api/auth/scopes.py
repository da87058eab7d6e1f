"""What a user may be allowed to do."""

from enum import StrEnum

__all__ = ["Scope"]


class Scope(StrEnum):
    """One permission, as it stands in tokens."""

    PREDICT = "predict"
    MODEL_READ = "model:read"
    FEEDBACK_WRITE = "feedback:write"
    USERS_ADMIN = "users:admin"
