"""Output for people, on standard error; standard output is for machines."""

from rich.console import Console

__all__ = ["console"]

console = Console(stderr=True, highlight=False)
