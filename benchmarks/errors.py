"""What a person can correct: one line, and an exit code."""

from __future__ import annotations

from bundle import ExpectedError

__all__ = ["BenchmarkFailed", "PeerFailed", "ToolMissing"]


class BenchmarkFailed(ExpectedError):
    """The benchmark cannot go on."""


class PeerFailed(BenchmarkFailed):
    """One server could not be installed or started, or answered wrongly; the others are still measured."""


class ToolMissing(BenchmarkFailed):
    """A program that the benchmark runs is not installed; the message says how to install it."""
