"""Expected failures when servers are started on this machine."""

from bundle import ExpectedError

__all__ = ["LocalError", "PortTaken", "ServerFailed"]


class LocalError(ExpectedError):
    """Base; the message says what to do."""


class PortTaken(LocalError):
    """The requested port is in use."""


class ServerFailed(LocalError):
    """A server exited, or did not answer in time."""
