"""Run every mutant and print the results: ``make mutants``. Fails if fewer than 95 % of any kind are killed."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from tests.mutation import constants, functions, thresholds
from tests.mutation.result import MIN_KILLED, Result, share_killed, table

KINDS = {"functions": functions.run, "constants": constants.run, "thresholds": thresholds.run}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"one of {', '.join(KINDS)}; default: all")
    kinds = parser.parse_args().kinds or list(KINDS)
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    results_of = {kind: KINDS[kind]() for kind in kinds}
    console = Console(soft_wrap=True, markup=False, highlight=False)
    for kind, results in results_of.items():
        console.print(f"\n{table(kind.capitalize(), results)}\n")
        console.print("\n".join(f"survived: {mutant}" for result in results for mutant in result.survivors))
    sys.exit(verdict(results_of))


def verdict(results_of: dict[str, list[Result]]) -> str | None:
    """Return which kinds have too few killed mutants, or None."""
    shares = {kind: share_killed(results) for kind, results in results_of.items()}
    weak = [f"{kind} {share:.1%}" for kind, share in shares.items() if share < MIN_KILLED]
    return f"fewer than {MIN_KILLED:.0%} of the mutants are killed: {', '.join(weak)}" if weak else None


if __name__ == "__main__":
    main()
