"""Where the pipeline speaks to people: standard error, so that what it prints for machines stays apart."""

from rich.console import Console

__all__ = ["console"]

console = Console(stderr=True, highlight=False)
