"""The text of schema.yaml, with what was found in the table as comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.config.schema import FeatureColumn, TargetColumn, TimeColumn
from pipelines.new_project.columns import Decision
from pipelines.new_project.yaml_text import as_comment, as_yaml

__all__ = ["schema_text"]

HEAD = """\
# The columns of {table}: written by espalier init from what the table has, and now yours. Check every line, and say in
# `description` and `unit` what you know: both are shown in the documentation of the API.
# type: float, int, bool or category. nullable: empty cells are allowed; the model learns from missing values.
# minimum, maximum: a row or a request outside is rejected. They are wider than the values of the table: set what is
# possible.
# unknown_category: a category that is not listed is an error (default), or with `missing` counts as an empty cell.
"""


def schema_text(
    table: str, target: TargetColumn, time: TimeColumn | None, decisions: Sequence[Decision], *, measure: str
) -> str:
    """Return the file.

    Args:
        measure: name of the score of each feature alone.
    """
    lines = [HEAD.format(table=as_comment(table).removeprefix("# ")), "target:", *_target(target), ""]
    if time is not None:
        lines += ["time:", f"  name: {as_yaml(time.name)}"]
        lines += [f"  timezone: {as_yaml(time.timezone)} # of the times in the table: an IANA name", ""]
    identifiers = [one for one in decisions if one.role == "identifier"]
    if identifiers:
        lines += ["# Kept to recognise a row; they never train.", "identifiers:"]
        lines += [f"  - {{name: {as_yaml(one.values.name)}}} {as_comment(one.why)}" for one in identifiers]
        lines.append("")
    lines.append("features:")
    lines += [line for one in decisions if one.role == "feature" and one.feature for line in _feature(one, measure)]
    left = [one for one in decisions if one.role == "left out"]
    if left:
        lines += ["", "# Left out:"]
        for one in left:
            lines.append(as_comment(f"{one.values.name}: {one.why}"))
            lines += [f"#  - {as_yaml(_given(one.feature))}"] if one.feature else []  # to be put back
    return "\n".join(lines) + "\n"


def _target(target: TargetColumn) -> Iterator[str]:
    yield f"  name: {as_yaml(target.name)}"
    yield f"  type: {target.type}"
    if target.type == "regression":
        yield '  # unit: ""             # and minimum, maximum: what the table may have'
        return
    note = " # the second one is the positive class" if target.type == "binary" else ""
    yield f"  classes: {as_yaml(list(target.classes))}{note}"
    if target.values:
        yield f"  values: {as_yaml(list(target.values))} # what the table has for each class, in the same order"


def _feature(decision: Decision, measure: str) -> Iterator[str]:
    alone = "" if decision.alone is None else f"; alone: {measure} {decision.alone:.2f}"
    yield f"  {as_comment(decision.why + alone)}"
    yield f"  - {as_yaml(_given(decision.feature))}"


def _given(feature: FeatureColumn | None) -> dict[str, object]:
    given = {} if feature is None else feature.model_dump(mode="json", exclude_defaults=True)
    return {key: _plain(value) for key, value in given.items()}


def _plain(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value
