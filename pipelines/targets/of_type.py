"""Choose the class of a target's type."""

from __future__ import annotations

from typing import Any

from bundle import Target
from pipelines.targets.binary import Binary
from pipelines.targets.multiclass import Multiclass
from pipelines.targets.regression import Regression
from pipelines.targets.task import Task

__all__ = ["task_of"]

BY_TYPE: dict[str, type[Task[Any]]] = {"binary": Binary, "multiclass": Multiclass, "regression": Regression}


def task_of(target: Target) -> Task[Any]:
    """Return what depends on the type of a target, as a contract states it."""
    return BY_TYPE[target.type](target)
