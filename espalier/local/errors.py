"""What can go wrong when servers are started on this machine."""

from bundle import ExpectedError

__all__ = ["LocalError", "PortTaken", "ServerFailed"]


class LocalError(ExpectedError):
    """Base; the text says what to do."""


class PortTaken(LocalError):
    """Something else listens on the wanted port."""


class ServerFailed(LocalError):
    """A server ended, or did not answer in time."""
