"""Draft the two files of a project from its table, and try them on it: nothing is returned that would not train.

Reads:  the table.
Gives:  the texts of schema.yaml and params.yaml, what was decided, and what to check.
Never:  writes a file.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pydantic import ValidationError

from bundle.target import TargetType
from pipelines.config.files import describe_problems
from pipelines.config.params import Params
from pipelines.config.schema import ROW_HASH, Schema, TimeColumn
from pipelines.dataset.tables import read_table
from pipelines.errors import InvalidData, InvalidParams
from pipelines.new_project.checks import what_to_check
from pipelines.new_project.choices import Choices, choose
from pipelines.new_project.columns import Decision, decide
from pipelines.new_project.leaks import COPY, MEASURE, SUSPICIOUS, Alone
from pipelines.new_project.params_text import params_text
from pipelines.new_project.reading import read_unknown_table
from pipelines.new_project.schema_text import schema_text
from pipelines.new_project.target import ChosenTarget, choose_target
from pipelines.new_project.time_column import choose_time
from pipelines.new_project.values import Values, look_at
from pipelines.progress import progress_bar
from pipelines.stages.prepare import split_by_hash, split_by_time
from pipelines.stages.validate import check_table
from pipelines.targets.project import combine

__all__ = ["Draft", "Wish", "draft_project"]

CLOSE = 3
UNCHECKED = Params.model_validate(
    {
        "fetch": {"pointer": "-"},
        "validate": {"max_duplicate_share": 1},
        "prepare": {"test_share": 0.5},
        "train": {"seed": 0, "rounds": 1, "booster": {}},
        "evaluate": {},
        "register": {"model_name": "x", "description": "", "gate": {}},
    }
)
"""With which the columns are checked, before the parameters are chosen."""


@dataclass(frozen=True)
class Wish:
    """What the user has chosen for the table."""

    target: str
    name: str
    """Of the registered model."""

    kind: TargetType | None = None
    time: str | None = None
    has_time: bool = True
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """The files, and what they say."""

    schema_text: str
    params_text: str
    target: ChosenTarget
    time: TimeColumn | None
    decisions: tuple[Decision, ...]
    choices: Choices
    rows: int
    checks: tuple[str, ...]


def draft_project(path: Path, wish: Wish) -> Draft:
    """Look at a table, and draft its project.

    Raises:
        MissingData: there is no such file.
        InvalidData: the table cannot be used; the message names the column or line, and the remedy.
    """
    table = read_unknown_table(path)
    _check_wish(path, table, wish)
    with progress_bar("looking at columns", len(table.columns)) as advance:
        found = [_looked(table[name], advance) for name in table.columns if name not in wish.without]
    target = choose_target(next(values for values in found if values.name == wish.target), wish.kind)
    others = [values for values in found if values.name != wish.target]
    time, assumed = choose_time(others, wish.time) if wish.has_time else (None, "")
    decisions = _decide([values for values in others if time is None or values.name != time.name], target)
    chosen = _Columns(target, time, tuple(decisions), assumed)
    return _finish(path, chosen, wish)


@dataclass(frozen=True)
class _Columns:
    target: ChosenTarget
    time: TimeColumn | None
    decisions: tuple[Decision, ...]
    assumed: str

    def text(self, path: Path) -> str:
        kind = self.target.column.type
        return schema_text(path.name, self.target.column, self.time, self.decisions, measure=MEASURE[kind])


def _looked(column: pd.Series[Any], advance: Callable[[str], None]) -> Values:
    advance(str(column.name))
    return look_at(column)


def _check_wish(path: Path, table: pd.DataFrame, wish: Wish) -> None:
    names = [str(name) for name in table.columns]
    wanted = {"--target": [wish.target], "--time": [wish.time] if wish.time else [], "--without": list(wish.without)}
    for option, columns in wanted.items():
        for column in columns:
            if column not in names:
                raise InvalidData(f"{option} {column}: {path} has no such column. {_similar(column, names)}")
    if wish.target in (wish.time, *wish.without):
        raise InvalidData(f"{wish.target} is the target, and also named by --time or --without")
    if ROW_HASH in names:
        raise InvalidData(f"{path}: a column is named {ROW_HASH}, which is reserved; rename it")


def _similar(name: str, names: Sequence[str]) -> str:
    lowered = {one.lower(): one for one in names}
    close = difflib.get_close_matches(name.lower(), lowered, n=CLOSE)
    shown = [lowered[one] for one in close] or list(names)
    return f"{'Did you mean' if close else 'It has'} {', '.join(shown)}{'?' if close else ''}"


def _decide(columns: Sequence[Values], target: ChosenTarget) -> list[Decision]:
    kind = target.column.type
    alone = Alone(target.truth, is_number=kind == "regression")
    decisions = _without_copies([decide(values) for values in columns])
    measured = []
    with progress_bar("measuring each feature alone", max(1, len(decisions))) as advance:
        for one in decisions:
            score = alone.score(one.values) if one.feature is not None and one.role == "feature" else None
            measured.append(replace(one, alone=score))
            advance(one.values.name)
    _check_features(measured)
    # The only features are kept, even if one of them says it all.
    others = any(one.role == "feature" and (one.alone or 0) < COPY for one in measured)
    return [_judged(one, MEASURE[kind], target.column.name, may_leave=others) for one in measured]


def _judged(decision: Decision, measure: str, target: str, *, may_leave: bool) -> Decision:
    name, score = decision.values.name, decision.alone
    if score is None or score < SUSPICIOUS:
        return decision
    alone = f"it predicts {target} alone with {measure} {score:.4f} (a small tree, cross-fitted"
    if score >= COPY and may_leave:
        why = f"says the same as the target: {alone}; limit {COPY})"
        check = f"{name} is left out: it {why}. Put it back into schema.yaml if it is known before {target} is."
        return decision.left_out(why, check)
    check = f"Is {name} known before {target}? For {alone}; limit {SUSPICIOUS}). If it is not, use --without."
    return replace(decision, check=check)


def _without_copies(decisions: list[Decision]) -> list[Decision]:
    """Leave out a feature with the same cells as an earlier one."""
    seen: dict[tuple[str, int], str] = {}
    kept = []
    for one in decisions:
        if one.role == "feature":
            cells = one.values.cells
            key = (one.values.kind, hash(pd.util.hash_pandas_object(cells, index=False).to_numpy().tobytes()))
            first = seen.setdefault(key, one.values.name)
            if first != one.values.name:
                why = f"the same as {first} in every row"
                one = one.left_out(why, f"{one.values.name} is left out: it is {why}.")  # noqa: PLW2901
        kept.append(one)
    return kept


def _check_features(decisions: Sequence[Decision]) -> None:
    wrong = [one for one in decisions if one.role == "feature" and one.feature is None]
    if wrong:
        names = ", ".join(repr(one.values.name) for one in wrong)
        raise InvalidData(
            f"column(s) {names} cannot be features: a name has 1 to 100 characters, and none of [ ] <, which XGBoost "
            "rejects. Rename them in the table, or leave them out with --without"
        )
    if not any(one.role == "feature" for one in decisions):
        reasons = "; ".join(f"{one.values.name}: {one.why}" for one in decisions) or "there are no other columns"
        raise InvalidData(f"no column is left that could train ({reasons})")


def _finish(path: Path, chosen: _Columns, wish: Wish) -> Draft:
    """Choose the parameters, and try the files on the table, as validate and prepare do."""
    text, kind = chosen.text(path), chosen.target.column.type
    schema = _parsed_schema(text)
    table = check_table(read_table(path, schema), schema, UNCHECKED.validate_)
    choices = choose(table, schema, chosen.decisions)
    params = params_text(
        choices,
        kind=kind,
        has_time=chosen.time is not None,
        model_name=wish.name,
        description=f"{wish.target}, predicted from {path.name}",
    )
    project = combine(_parsed_params(params), schema)
    known = table[table[schema.target.name].notna()]
    split_by_hash(known, project) if schema.time is None else split_by_time(known, project)
    checks = what_to_check(chosen.target, chosen.assumed, chosen.decisions, choices)
    return Draft(text, params, chosen.target, chosen.time, chosen.decisions, choices, len(table), tuple(checks))


def _parsed_schema(text: str) -> Schema:
    try:
        return Schema.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        raise InvalidData(describe_problems(Path("schema.yaml"), error)) from error


def _parsed_params(text: str) -> Params:
    try:
        return Params.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        raise InvalidParams(describe_problems(Path("params.yaml"), error)) from error
