"""What each column is for: the time, an identifier, a feature, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import ValidationError

from pipelines.config.schema import FeatureColumn
from pipelines.dataset.columns import MAX_CATEGORY
from pipelines.new_project.ranges import range_with_slack
from pipelines.new_project.values import Values

__all__ = ["Decision", "Role", "decide"]

Role = Literal["feature", "identifier", "left out"]

NAMED_ID = re.compile(r"(^|[_\s.-])(id|ids|uuid|guid|key|index|rowid)$|[a-z](Id|ID|Key|Uuid)$", re.ASCII)
UNNAMED = re.compile(r"^(Unnamed: \d+|__index_level_\d+__)$")
NEARLY_UNIQUE = 0.95
MIN_IDENTIFIED = 20
"""Fewer rows are different by chance."""

MAX_CATEGORIES, LISTED = 200, 100
"""More different texts are no categories; up to ``LISTED`` are listed in schema.yaml."""

RARE_ROWS, FEW_CATEGORIES = 10, 20
"""A category with fewer rows, or so many categories, show that there are others that the table does not have."""

LARGEST_EXACT = 2**24
"""32-bit floats have every whole number up to this one."""


@dataclass(frozen=True)
class Decision:
    """What is done with a column, and why."""

    values: Values
    role: Role
    why: str
    feature: FeatureColumn | None = None
    check: str = ""
    """What its owner should look at; empty: nothing."""

    group: bool = False
    """Whether it says which rows belong together: an identifier that several rows have."""

    alone: float | None = None
    """How well it predicts the target alone (``leaks``)."""

    def left_out(self, why: str, check: str) -> Decision:
        """Return the decision to leave the feature out after all."""
        return replace(self, role="left out", why=why, check=check)


def decide(values: Values) -> Decision:
    """Decide about a column that is neither the target nor the time."""
    for rule in (_unusable, _identifier):
        decision = rule(values)
        if decision is not None:
            return decision
    return {"text": _category, "bool": _switch}.get(values.kind, _number)(values)


def _unusable(values: Values) -> Decision | None:
    name, why, check = values.name, "", ""
    if values.kind == "empty":
        why = "empty in every row"
    elif values.kind == "other":
        why = "has neither numbers, texts nor times"
    elif UNNAMED.match(name):
        why = "has no name; an index that was saved with the table?"
    elif values.odd:
        shown = ", ".join(values.odd)
        what = "numbers" if values.kind == "number" else "times"
        why = f"has {what}, and cells that are none: {shown}"
        check = f"{name} is left out: it {why}. Empty these cells, or convert them, and run this command again."
    elif values.kind == "time":
        why = "a time; a feature must be a number, such as the days since then"
        check = f"{name} is left out: it is {why}."
    elif values.distinct == 1:
        why = f"the same in every row{' that has it' if values.missing else ''}"
    return Decision(values, "left out", why, check=check) if why else None


def _identifier(values: Values) -> Decision | None:
    if values.kind not in ("text", "number") or (values.kind == "number" and not values.is_whole):
        return None
    share, named = values.distinct / values.rows, bool(NAMED_ID.search(values.name))
    many = values.rows >= MIN_IDENTIFIED
    if many and share >= NEARLY_UNIQUE and (named or values.kind == "text" or _counts_up(values)):
        return Decision(values, "identifier", f"{values.distinct:,} different values in {values.rows:,} rows")
    if many and named and values.distinct > FEW_CATEGORIES and values.rows >= 2 * values.distinct:
        why = f"named like an identifier, {values.rows / values.distinct:.1f} rows of each"
        return Decision(values, "identifier", why, group=not values.missing)
    return None


def _counts_up(values: Values) -> bool:
    numbers = values.cells.dropna().to_numpy()
    return bool(numbers.max() - numbers.min() < 2 * len(numbers)) and bool(
        (np.diff(numbers) > 0).mean() > NEARLY_UNIQUE
    )


def _category(values: Values) -> Decision:
    name, counts = values.name, values.cells.value_counts()
    longest = max(len(str(text)) for text in counts.index)
    shortest = min(len(str(text)) for text in counts.index)
    if len(counts) > MAX_CATEGORIES or longest > MAX_CATEGORY or not shortest:
        why = f"{len(counts):,} different texts, more than {MAX_CATEGORIES} categories"
        if longest > MAX_CATEGORY:
            why = f"free text: up to {longest:,} characters"
        elif not shortest:
            why = "has texts of no characters; make them empty cells"
        return Decision(
            values, "left out", why, check=f"{name} is left out: {why}. Group its values if they should train."
        )
    ordered = sorted(str(text) for text in counts.index)
    open_ended = len(counts) > FEW_CATEGORIES or int(counts.min()) < RARE_ROWS
    feature = {
        "type": "category",
        "nullable": values.missing > 0,
        "categories": ordered if len(counts) <= LISTED else None,
        "unknown_category": "missing" if open_ended else "error",
    }
    why = f"{len(counts)} categories" + (", some rare: another one counts as empty" if open_ended else "")
    return _feature(values, feature, why)


def _switch(values: Values) -> Decision:
    return _feature(values, {"type": "bool", "nullable": values.missing > 0}, "true or false")


def _number(values: Values) -> Decision:
    present = values.cells.dropna().to_numpy()
    low, high = range_with_slack(present, is_whole=values.is_whole)
    feature = {
        "type": "int" if values.is_whole else "float",
        "nullable": values.missing > 0,
        "minimum": low,
        "maximum": high,
    }
    check = ""
    if values.is_whole and np.abs(present).max() > LARGEST_EXACT:
        check = f"{values.name} has whole numbers above {LARGEST_EXACT:,}, whose last digits the model does not see."
    elif values.is_whole and values.rows >= MIN_IDENTIFIED and values.distinct / values.rows >= NEARLY_UNIQUE:
        check = f"Almost every {values.name} is different: if it is an identifier, use --without."
    return _feature(values, feature, f"{present.min():g} to {present.max():g} in the table", check)


def _feature(values: Values, feature: Mapping[str, object], why: str, check: str = "") -> Decision:
    try:
        column = FeatureColumn.model_validate({"name": values.name, **feature})
    except ValidationError as error:
        return Decision(values, "feature", error.errors()[0]["msg"])  # rejected by ``draft``
    if values.missing:
        why += f", {values.missing_share:.0%} empty" if values.missing_share >= 0.005 else ", a few empty"  # noqa: PLR2004
    return Decision(values, "feature", why, column, check)
