"""What can go wrong when a cluster is set up."""

from bundle import ExpectedError

__all__ = ["ClusterError", "CommandRefused", "MissingTool", "TimedOut"]


class ClusterError(ExpectedError):
    """Base; the text says what to do."""


class MissingTool(ClusterError):
    """A command that is needed is not installed."""


class CommandRefused(ClusterError):
    """A command ended with an error."""


class TimedOut(ClusterError):
    """What was waited for did not come."""
