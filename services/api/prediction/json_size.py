"""Count the elements of a JSON text before it is parsed."""

from __future__ import annotations

import re

__all__ = ["find_end"]

TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|[,\[{]', re.DOTALL)
"""Tokens, at least as many as values: texts and names, commas, and opened lists and objects."""


def find_end(text: bytes, max_tokens: int) -> int | None:
    """Return where the first ``max_tokens`` names, texts, commas, lists and objects end; None if there are no more.

    Counting bytes is enough, unless texts contain many commas and quotes. Then the text is tokenised, in time that is
    bounded by its length and by ``max_tokens``.
    """
    if (
        len(text) <= max_tokens
        or text.count(b'"') // 2 + text.count(b",") + text.count(b"[") + text.count(b"{") <= max_tokens
    ):
        return None
    end = 0
    for number, token in enumerate(TOKEN.finditer(text)):
        if number == max_tokens:
            return end
        end = token.end()
    return None
