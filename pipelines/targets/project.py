"""params.yaml and schema.yaml together: what one says about the other, checked in one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bundle import Target
from pipelines.config.params import PARAMS_FILE, Costs, Params, load_params
from pipelines.config.schema import SCHEMA_FILE, Schema, load_schema
from pipelines.errors import InvalidParams
from pipelines.targets.costs import threshold_of
from pipelines.targets.of_type import task_of
from pipelines.targets.task import Task

__all__ = ["Project", "combine", "load_project"]

CLASSES = ("binary", "multiclass")

ONLY_FOR = {
    "train.interval": ("regression",),
    "train.calibrate": ("binary",),
    "train.class_weights": CLASSES,
    "evaluate.threshold": ("binary",),
    "prepare.stratify": CLASSES,
    "register.gate.min_roc_auc": CLASSES,
    "register.gate.min_accuracy": CLASSES,
    "register.gate.max_calibration_error": CLASSES,
    "register.gate.min_r2": ("regression",),
    "register.gate.max_coverage_error": ("regression",),
}
"""Keys of params.yaml that only some types of target have."""

NEEDS_TIME = {
    "prepare.test_from": "prepare.test_share",
    "prepare.test_last": "prepare.test_share",
    "prepare.train_last": "prepare.test_share",
    "train.early_stopping.validation_last": "validation_share",
}
"""Keys that need a time column, and what to use without one."""

NEEDS_NO_TIME = ("prepare.group", "prepare.stratify")


@dataclass(frozen=True)
class Project:
    """Columns and parameters that fit each other."""

    schema: Schema
    params: Params

    @cached_property
    def target(self) -> Target:
        """The target as the contract states it."""
        column = self.schema.target
        return Target(
            type=column.type,
            name=column.name,
            description=column.description,
            classes=column.classes,
            threshold=threshold_of(self.params.evaluate.threshold) if column.type == "binary" else None,
            unit=column.unit,
            interval=self.params.train.interval,
        )

    @cached_property
    def task(self) -> Task[Any]:
        """What depends on the type of the target."""
        return task_of(self.target)


def load_project(params_file: Path = PARAMS_FILE, schema_file: Path = SCHEMA_FILE) -> Project:
    """Read both files, and check them against each other.

    Raises:
        InvalidParams: the message names the file, the key and the remedy.
    """
    schema = load_schema(schema_file)
    try:
        return combine(load_params(params_file), schema)
    except _Mismatch as error:
        raise InvalidParams(f"{params_file}: {error}") from error


class _Mismatch(InvalidParams):
    pass


def combine(params: Params, schema: Schema) -> Project:
    """Check parameters against the columns, and set defaults that depend on them.

    Raises:
        InvalidParams: the message names the key and the remedy.
    """
    problems = [
        *_by_type(params, schema),
        *_by_time(params, schema),
        *_columns(params, schema),
        *_weights_and_directions(params, schema),
    ]
    if problems:
        raise _Mismatch("; ".join(problems))
    project = _with_defaults(Project(schema, params))
    problems = list(_by_task(project))
    if problems:
        raise _Mismatch("; ".join(problems))
    return project


def _by_type(params: Params, schema: Schema) -> Iterator[str]:
    given, kind = set(_given(params)), schema.target.type
    for key, kinds in ONLY_FOR.items():
        if any(name == key or name.startswith(f"{key}.") for name in given) and kind not in kinds:
            yield f"{key} is for a target of type {' or '.join(kinds)}, and schema.yaml says {kind}; remove it"
    if "register.gate.max_coverage_error" in given and kind == "regression" and params.train.interval is None:
        yield "register.gate.max_coverage_error is of an interval; set train.interval too, or remove it"


def _by_time(params: Params, schema: Schema) -> Iterator[str]:
    given = set(_given(params))
    if schema.time is None:
        for key, instead in NEEDS_TIME.items():
            if key in given:
                yield f"{key} needs a time column, and schema.yaml has none; use {instead}"
        yield from _without_time(params, given)
        return
    for key in NEEDS_NO_TIME:
        if key in given:
            yield f"{key} is for a table without a time column: rows with a time are split by it; remove it"


def _without_time(params: Params, given: set[str]) -> Iterator[str]:
    gate, why = params.register_.gate, "needs a time column, and schema.yaml has none"
    if params.train.final_fit:
        yield (
            f"train.final_fit {why}: no row would be left that the champion has not learned from, so that no later "
            "model could be compared with it; set it to false"
        )
    if params.evaluate.time_slice != "none":
        yield f"evaluate.time_slice {why}; set it to none"
    if "register.gate.block" in given and gate.block is not None:
        yield f"register.gate.block {why}; write row (rows of one prepare.group are one block)"
    if gate.replace_when == "better_or_newer":
        yield f"register.gate.replace_when: better_or_newer {why}: no data is newer; write better"
    if params.prepare.stratify and params.prepare.group is not None:
        yield "prepare.stratify and prepare.group exclude each other: a group has rows of several classes; remove one"


def _columns(params: Params, schema: Schema) -> Iterator[str]:
    unknown = [name for name in params.evaluate.slices if name not in schema.columns]
    if unknown:
        yield f"evaluate.slices: {', '.join(unknown)} is no column of schema.yaml"
    group = params.prepare.group
    if group is not None and group not in schema.columns:
        yield f"prepare.group: {group} is no column of schema.yaml; list it there as an identifier or a feature"
    if group == schema.target.name:
        yield f"prepare.group: {group} is the target; name the column that says which rows belong together"


def _weights_and_directions(params: Params, schema: Schema) -> Iterator[str]:
    weights, target = params.train.class_weights, schema.target
    if isinstance(weights, dict) and target.classes:
        unknown = [name for name in weights if name not in target.classes]
        if unknown:
            yield (
                f"train.class_weights: {', '.join(unknown)} is no class of {target.name}; it has "
                f"{', '.join(target.classes)}"
            )
    if weights is not None and isinstance(params.evaluate.threshold, Costs) and not params.train.calibrate:
        yield (
            "train.class_weights and the costs of evaluate.threshold exclude each other: weights distort the "
            "probabilities that the costs are weighed by, and the costs do what the weights are for; remove one, or "
            "set train.calibrate"
        )
    monotone = [feature.name for feature in schema.features if feature.monotone is not None]
    if monotone and target.type == "multiclass":
        yield (
            f"monotone ({', '.join(monotone)} in schema.yaml) is for a target of type binary or regression: the "
            "probabilities of three or more classes cannot all rise; remove it"
        )


def _by_task(project: Project) -> Iterator[str]:
    task, params = project.task, project.params
    objective = params.train.booster.get("objective", task.objective)
    if objective != task.objective:
        yield (
            f"train.booster: objective {objective} is not supported: for this target of type {task.target.type} it is "
            f"always {task.objective}; remove it"
        )
    metric = params.register_.gate.compare_by
    if metric not in task.metrics:
        yield (
            f"register.gate.compare_by: {metric} cannot compare models of this target of type {task.target.type}; use "
            f"{' or '.join(task.metrics)}"
        )


def _with_defaults(project: Project) -> Project:
    params, given = project.params, set(_given(project.params))
    changes: dict[str, Any] = {}
    if "register.gate.compare_by" not in given:
        changes["compare_by"] = project.task.metrics[0]
    if project.schema.time is None:
        changes["block"] = None
    gate = params.register_.gate.model_copy(update=changes)
    register = params.register_.model_copy(update={"gate": gate})
    return Project(project.schema, params.model_copy(update={"register_": register}))


def _given(block: BaseModel, where: str = "") -> Iterator[str]:
    """Yield the dotted keys that a file sets to something."""
    for name in block.model_fields_set:
        value, key = getattr(block, name), where + name.rstrip("_")
        if isinstance(value, BaseModel):
            yield from _given(value, f"{key}.")
        elif value is not None or name == "block":
            yield key
