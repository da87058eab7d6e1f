"""Read PromQL expressions: what they select, over which ranges, and the labels they group or match by."""

from __future__ import annotations

from typing import NamedTuple

import promql_parser
from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    MatchOp,
    MatrixSelector,
    VectorSelector,
)

__all__ = ["Matcher", "Selector", "groupings", "ranges", "result_labels", "selectors"]

OPERATORS = {str(MatchOp.Equal): "=", str(MatchOp.NotEqual): "!=", str(MatchOp.Re): "=~", str(MatchOp.NotRe): "!~"}
"""By text, because the library's own values have no hash."""


class Matcher(NamedTuple):
    label: str
    operator: str
    value: str


class Selector(NamedTuple):
    metric: str
    matchers: tuple[Matcher, ...]


def selectors(expression: str) -> list[Selector]:
    """Return every metric that the expression reads with its matchers, from left to right."""
    return [
        Selector(node.name or "", tuple(_matcher(matcher) for matcher in node.matchers.matchers))
        for node in _nodes(expression)
        if isinstance(node, VectorSelector)
    ]


def ranges(expression: str) -> list[tuple[str, float]]:
    """Return (function, seconds) of every function of a range, such as ``("rate", 300)`` for ``rate(up[5m])``."""
    return [
        (node.func.name, argument.range.total_seconds())
        for node in _nodes(expression)
        if isinstance(node, Call)
        for argument in node.args
        if isinstance(argument, MatrixSelector)
    ]


def groupings(expression: str) -> list[frozenset[str]]:
    """Return the labels that each aggregation keeps (none without ``by``) and that each ``on`` matches.

    ``without``, ``ignoring`` and operators that match on all labels are left out.
    """
    found = []
    for node in _nodes(expression):
        if isinstance(node, AggregateExpr) and (node.modifier is None or node.modifier.type == AggModifierType.By):
            found.append(frozenset(node.modifier.labels if node.modifier else ()))
        if isinstance(node, BinaryExpr) and node.modifier and node.modifier.matching:
            matching = node.modifier.matching
            found += [frozenset(matching.labels)] if matching.type == LabelModifierType.Include else []
    return found


def result_labels(expression: str) -> set[str]:
    """Return the labels that a result has by ``by``, ``on`` or ``label_replace``, or as selected if nothing groups."""
    labels = {label for grouping in groupings(expression) for label in grouping}
    labels = labels or {matcher.label for selector in selectors(expression) for matcher in selector.matchers}
    for node in _nodes(expression):
        if isinstance(node, Call) and node.func.name == "label_replace":
            labels.add(node.args[1].val)
    return labels


def _matcher(matcher: promql_parser.Matcher) -> Matcher:
    return Matcher(matcher.name, OPERATORS[str(matcher.op)], matcher.value)


def _nodes(expression: str) -> list[Expr]:
    """Return the nodes of the syntax tree, parents first. A syntax error is a ValueError."""
    nodes: list[Expr] = []
    promql_parser.walk(promql_parser.parse(expression), nodes.append)
    return nodes
