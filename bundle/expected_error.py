"""The base of every failure that Espalier expects."""

__all__ = ["ExpectedError"]


class ExpectedError(Exception):
    """A failure whose one line of text tells the user what to do, with the exit code of the command.

    Every package's errors derive from it, so that the command line needs to know no other class.
    """

    exit_code: int = 1
