"""What the owner of a table should look at before the model is trusted, the most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.new_project.choices import COPIES_ALLOWED, REPEATS_ALLOWED, SMALL, Choices
from pipelines.new_project.columns import Decision
from pipelines.new_project.leaks import SUSPICIOUS
from pipelines.new_project.target import ChosenTarget

__all__ = ["what_to_check"]

RARE_SHARE, MISSING_SHARE = 0.05, 0.5
SHOWN = 5


def what_to_check(target: ChosenTarget, time: str, decisions: Sequence[Decision], choices: Choices) -> Iterator[str]:
    """Yield one sentence or two for each.

    Args:
        time: what was assumed about the time column.
    """
    yield from (one.check for one in decisions if one.check and (one.alone or 0) >= SUSPICIOUS)
    yield target.check
    yield time or "There is no time column: the test rows are chosen at random, so a model that ages looks good."
    yield from _of_rows(target, choices)
    yield from (one.check for one in decisions if one.check and (one.alone or 0) < SUSPICIOUS)
    empty = [one.values.name for one in decisions if one.role == "feature" and one.values.missing_share > MISSING_SHARE]
    if empty:
        yield f"More than half of the cells are empty: {_some(empty)}. Are they known when a prediction is made?"
    yield ("Ranges and categories in schema.yaml come from this table: a request outside is rejected.")
    yield "The minimum scores of the gate in params.yaml are low: set what the use of the model needs."


def _of_rows(target: ChosenTarget, choices: Choices) -> Iterator[str]:
    rare = [f"{name} {share:.1%}" for name, share in target.shares.items() if share < RARE_SHARE]
    if rare:
        yield (
            f"Rare classes: {_some(rare)}. Accuracy says little then: look at log loss and the precision-recall AUC, "
            "and choose evaluate.threshold."
        )
    if choices.rows < SMALL:
        yield f"The table has {choices.rows:,} rows: scores vary by luck, and the gate can tell only large differences."
    if choices.copies > COPIES_ALLOWED:
        yield (
            f"{choices.copies:.1%} of the rows are exact copies of another row: was the table exported twice? "
            "validate.max_duplicate_share allows them."
        )
    if choices.max_repeated_share > REPEATS_ALLOWED:
        yield (
            "Test rows equal older rows in all columns but the time, so a model that memorises them looks good. "
            "prepare.max_repeated_share allows them."
        )
    if choices.group is not None:
        yield f"Rows with the same {choices.group} stay on one side of the split (prepare.group)."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
