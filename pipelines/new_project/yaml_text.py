"""Values as YAML, and texts as comments, whatever characters they have."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["as_comment", "as_yaml"]

WIDE = 10**9
LONGEST = 160


def as_yaml(value: Any) -> str:
    """Return a value, list or mapping on one line, with quotation marks where they are needed."""
    listed = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, sort_keys=False, width=WIDE)
    return listed.strip()[1:-1].strip()


def as_comment(text: str) -> str:
    """Return a text as the rest of a comment line: a line break would end the comment."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return f"# {plain[:LONGEST]}{'…' * (len(plain) > LONGEST)}"
