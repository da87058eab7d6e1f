"""Values as YAML, and texts as comments, whatever characters they have."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["as_comment", "as_yaml"]

WIDE = 10**9
LONGEST = 160


class _OneLine(yaml.SafeDumper):
    """Writes a text with line breaks or control characters with escapes, instead of on several lines."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_OneLine.add_representer(str, _represent)


def as_yaml(value: Any) -> str:
    """Return a value, list or mapping on one line, with quotation marks where they are needed."""
    listed = yaml.dump(
        [value], Dumper=_OneLine, default_flow_style=True, allow_unicode=True, sort_keys=False, width=WIDE
    )
    return listed.strip()[1:-1].strip()


def as_comment(text: str) -> str:
    """Return a text as the rest of a comment line: a line break would end the comment."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return f"# {plain[:LONGEST]}{'…' * (len(plain) > LONGEST)}"
