"""The text of params.yaml, with the reason of each choice."""

from __future__ import annotations

from collections.abc import Iterator

from bundle.target import TargetType
from pipelines.new_project.choices import Choices
from pipelines.new_project.leaks import MEASURE
from pipelines.new_project.yaml_text import as_yaml

__all__ = ["POINTER", "params_text"]

POINTER = "pipelines/data/current.yaml"

UNITS = {"regression": "mse, in squares of the target's unit", "binary": "log loss", "multiclass": "log loss"}


def params_text(choices: Choices, *, kind: TargetType, has_time: bool, model_name: str, description: str) -> str:
    """Return the file."""
    blocks = [
        _head(choices),
        _prepare(choices, has_time=has_time),
        _train(choices, kind),
        _evaluate(choices, kind),
        _register(choices, kind, has_time=has_time, model_name=model_name, description=description),
    ]
    return "\n".join(line for block in blocks for line in block)


def _head(choices: Choices) -> Iterator[str]:
    yield f"""\
# What to train, and which models pass the gate: written by espalier init for {choices.rows:,} rows, and now yours.
fetch:
  pointer: {POINTER} # a link to the .dvc pointer of the table

validate:
  min_rows: {choices.min_rows} # half of this table; a smaller one counts as a broken export"""
    if choices.copies:
        yield f"  # {choices.copies:.2%} of the rows are copies of another row."
        yield f"  max_duplicate_share: {choices.max_duplicate_share:g}"
    yield ""


def _prepare(choices: Choices, *, has_time: bool) -> Iterator[str]:
    yield "prepare:"
    if has_time:
        yield f"  test_share: {choices.test_share} # the newest rows test the model; test_last: 90d says it by time"
        yield "  # Of the test rows, how many may equal an older row in all columns but the time."
        yield f"  max_repeated_share: {choices.max_repeated_share:g}"
        yield "  # train_last: 365d # train only on rows within this time before the test rows; default: all older ones"
    else:
        yield f"  test_share: {choices.test_share} # rows chosen by a hash of their values test the model"
        yield "  seed: 0 # another one divides the rows in another way"
        if choices.group is not None:
            yield f"  group: {as_yaml(choices.group)} # rows with the same value are on one side of the split"
        else:
            yield "  # group: customer # an identifier of which several rows must stay on one side"
    yield ""


def _train(choices: Choices, kind: TargetType) -> Iterator[str]:
    yield f"""\
train:
  seed: 1
  rounds: {choices.rounds} # trees; more with a smaller eta is slower, and often better
  threads: 0 # 0: all cores"""
    if kind == "regression":
        yield "  # interval: 0.8 # predict an interval that should contain this share of the true values"
    yield "  booster: # any parameter of XGBoost"
    yield from (f"    {name}: {value}" for name, value in choices.booster.items())
    yield ""


def _evaluate(choices: Choices, kind: TargetType) -> Iterator[str]:
    yield "evaluate:"
    if kind == "binary":
        yield "  threshold: 0.5 # a probability at or above it gets the positive label"
    yield f"  slices: {as_yaml(list(choices.slices))} # columns for whose values the scores are reported too"
    yield f"  time_slice: {as_yaml(choices.time_slice)} # month, quarter or none"
    yield f"  min_slice_rows: {choices.min_slice_rows} # smaller slices are not reported"
    yield f"  bins: {choices.bins} # per numeric feature and for the score, to measure drift"
    yield ""


def _register(
    choices: Choices, kind: TargetType, *, has_time: bool, model_name: str, description: str
) -> Iterator[str]:
    yield f"""\
register:
  model_name: {as_yaml(model_name)}
  description: {as_yaml(description)}
  gate:
    # Minimum scores: set what the use of the model needs."""
    measure, key = MEASURE[kind], "min_r2" if kind == "regression" else "min_roc_auc"
    if choices.floor is not None:
        yield f"    {key}: {choices.floor} # {measure}; half way to the best feature alone, {choices.best_alone:.2f}"
    else:
        yield f"    # {key}: ... # {measure}; no feature predicts the target alone"
    yield "    beat_base_rate: true # better than the same prediction for every row"
    yield f"    # Against the champion on the same rows, in units of {UNITS[kind]}: docs/gate.md"
    yield f"    replace_when: better{' # or better_or_newer, with max_loss' * has_time}"
    yield "    min_improvement: 0.0 # beyond noise; `espalier simulate-gate` measures how much is luck"
    if has_time:
        yield f"    block: {choices.block} # rows within this time depend on each other (h, d or w); row: none do"
    yield f"    min_compared_rows: {choices.min_compared_rows} # test rows that the champion has not been trained on"
    yield ""
