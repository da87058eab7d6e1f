"""The results of mutants, and the table that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

MIN_KILLED = 0.95


@dataclass
class Result:
    """The mutants of one module or rule file."""

    place: str
    killed: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.killed + len(self.survivors)

    def add(self, mutant: str, *, killed: bool) -> None:
        if killed:
            self.killed += 1
        else:
            self.survivors.append(mutant)


def share_killed(results: Iterable[Result]) -> float:
    """Return the share of mutants that a test killed; 0 without mutants, which show nothing."""
    results = list(results)
    total = sum(result.total for result in results)
    return sum(result.killed for result in results) / total if total else 0.0


def table(title: str, results: Sequence[Result]) -> str:
    """Return one Markdown table: a row for each place, and their sum."""
    rows = [f"| {result.place} | {result.killed} | {result.total} | {_percent([result])} |" for result in results]
    killed, total = sum(result.killed for result in results), sum(result.total for result in results)
    return "\n".join(
        [
            f"| {title} | Killed | Mutants | Share |",
            "|---|---:|---:|---:|",
            *rows,
            f"| **All** | {killed} | {total} | {_percent(results)} |",
        ]
    )


def _percent(results: Sequence[Result]) -> str:
    return f"{share_killed(results):.1%}"
