"""The names in a PromQL expression: enough of its grammar to find every metric, with the selector behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
COMMENT = re.compile(r"#[^\n]*")
GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
NAME = re.compile(r"(?<![\w:.])[a-zA-Z_:][\w:]*")
MATCHER = re.compile(r"\s*(\w+)\s*(=~|!~|!=|=)\s*(\d+)\s*")
WORDS = frozenset(
    "and or unless atan2 bool offset by without on ignoring group_left group_right inf nan start end".split()
)


class Selector(NamedTuple):
    """One metric of an expression, and its matchers: (label, operator, value)."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


def selectors(expression: str) -> Iterator[Selector]:
    """Every metric that the expression reads, from left to right."""
    texts: list[str] = []

    def keep(found: re.Match[str]) -> str:
        texts.append(found[0][1:-1])
        return str(len(texts) - 1)

    # What stands in quotes goes first, so that no brace, bracket or word in it is taken for grammar.
    plain = GROUPING.sub(" ", COMMENT.sub(" ", STRING.sub(keep, expression)))
    plain = re.sub(r"\[[^\]]*\]", " ", plain)
    outside = re.sub(r"\{[^}]*\}", lambda found: " " * len(found[0]), plain)
    for found in NAME.finditer(outside):
        rest = plain[found.end() :].lstrip()
        if found[0].lower() in WORDS or rest.startswith("("):
            continue
        inside = rest[1 : rest.index("}")] if rest.startswith("{") else ""
        yield Selector(found[0], tuple(_matcher(part, texts) for part in inside.split(",") if part.strip()))


def _matcher(part: str, texts: list[str]) -> tuple[str, str, str]:
    found = MATCHER.fullmatch(part)
    assert found, f"not a matcher: {part}"
    return found[1], found[2], texts[int(found[3])]
