"""Expected failures when a cluster is set up."""

from bundle import ExpectedError

__all__ = ["ClusterError", "CommandRefused", "MissingTool", "TimedOut"]


class ClusterError(ExpectedError):
    """Base; the message says what to do."""


class MissingTool(ClusterError):
    """A required command is not installed."""


class CommandRefused(ClusterError):
    """A command failed."""


class TimedOut(ClusterError):
    """A wait took too long."""
