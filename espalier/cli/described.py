"""Registered versions as printed tables: what one is, and how two differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from espalier.cli.output import print_table, say

if TYPE_CHECKING:
    from pipelines.registry.description import Description
    from pipelines.registry.difference import Difference, Pair

__all__ = ["print_description", "print_difference"]

SHOWN_SCORES = 3
SHORT_DIGEST = 16
LONGEST = 60
"""Characters of a cell; --json has all of it."""


def print_description(found: Description) -> None:
    """Print what a verified bundle says."""
    from pipelines.targets.of_type import task_of

    scores = [score for score in task_of(found.bundle.contract.target).metrics if found.metrics.get(score) is not None][
        :SHOWN_SCORES
    ]
    _print_facts("model", found.identity)
    _print_facts("files, SHA-256", {name: f"{digest[:SHORT_DIGEST]}…" for name, digest in found.files.items()})
    _print_facts("data", found.data)
    _print_facts("parameters, from the MLflow run (not signed)", found.params)
    _print_facts("test scores", found.metrics)
    slices = [
        [name, _text(figures["rows"]), *(_text(figures.get(score)) for score in scores)]
        for name, figures in found.slices.items()
    ]
    _print("slices", ["", "rows", *scores], slices)
    total = sum(found.importance.values()) or 1.0
    shares = [[name, _text(value), f"{value / total:.1%}"] for name, value in found.importance.items()]
    _print("mean contribution of each feature", ["", "mean", "share"], shares)
    _print_gate(found.gate)


def print_difference(found: Difference) -> None:
    """Print two versions side by side."""
    titles = ["", f"version {found.first}", f"version {found.second}"]
    same = "the same model file" if found.same_model else "different model files"
    say(f"{found.name} versions {found.first} and {found.second} have {same}")
    for title, pairs in (
        ("files that differ, SHA-256", found.files),
        ("parameters that differ, from the MLflow runs (not signed)", found.params),
        ("data that differs", found.data),
        ("code and libraries that differ", found.origin),
        ("features that differ", found.contract),
    ):
        _print(title, titles, [[pair.name, _text(pair.first), _text(pair.second)] for pair in pairs])
    for title, pairs in (
        ("test scores", found.metrics),
        (f"{found.metric} of slices", found.slices),
        ("mean contribution of each feature", found.importance),
    ):
        _print(title, [*titles, "difference"], [_line(pair) for pair in pairs])
    if not found.same_test_rows:
        say("the two were tested on other rows, so scores and contributions differ by the rows too")


def _print_gate(gate: Mapping[str, Any]) -> None:
    against = gate["champion_version"]
    checks = [
        [check["name"], _text(check["found"]), check["wanted"], "yes" if check["passed"] else "no"]
        for check in gate["checks"]
    ]
    compared = f"compared with version {against}" if against else "there was no champion"
    _print(f"gate: passed, {compared}", ["", "found", "required", "passed"], checks)
    _print_facts("numbers of the comparison, from tags (not signed)", gate["evidence"])


def _line(pair: Pair) -> list[str]:
    change = "" if pair.difference is None else f"{pair.difference:+.4g}"
    return [pair.name, _text(pair.first), _text(pair.second), change]


def _print_facts(title: str, facts: Mapping[str, Any]) -> None:
    _print(title, ["", ""], [[name, _text(value)] for name, value in facts.items() if value is not None])


def _print(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        print_table(escape(title), columns, [[escape(cell) for cell in row] for row in rows])


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
