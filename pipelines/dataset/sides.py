"""Training and test rows of a table: the two sides of the split, and whether they can be used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.config.schema import Schema
from pipelines.dataset.rows import Rows, SelectedRows
from pipelines.errors import InvalidData
from pipelines.targets.project import Project

__all__ = ["Mask", "check_sides"]

Mask = npt.NDArray[np.bool_]


def check_sides(rows: Rows, train: Mask, test: Mask, project: Project, *, where: str) -> None:
    """Check that something can be learned from the training rows, and measured on the test rows.

    Args:
        train, test: (n,) whether each of the rows is on that side.
        where: what is on a side, for messages, such as ``on its side of 2025-05-01``.

    Raises:
        InvalidData: a side is empty, or nothing can be learned from it; a feature has no training value, or an optional
            one has one in every training row.
    """
    targets = rows.column(project.schema.target.name).to_numpy()
    for name, side in (("training", train), ("test", test)):
        if not side.any():
            raise InvalidData(f"the {name} set is empty: no row {where}; change the split (params.yaml, prepare)")
        problem = project.task.unlearnable(project.task.truth(targets[side]), train=name == "training")
        if problem:
            raise InvalidData(
                f"the {name} set cannot be used: {problem} {where}; add rows or change the split (params.yaml, prepare)"
            )
    _check_features(SelectedRows(rows, train), project.schema)


def _check_features(train: Rows, schema: Schema) -> None:
    present = dict.fromkeys(schema.feature_names, 0)
    for piece in train.pieces(schema.feature_names):
        for name in present:
            present[name] += int(piece[name].notna().sum())
    empty = [name for name, count in present.items() if count == 0]
    if empty:
        raise InvalidData(
            f"column(s) {', '.join(empty)} are empty in every training row; only test rows have values. Change the "
            "split (params.yaml, prepare) or remove them from schema.yaml"
        )
    full = [feature.name for feature in schema.features if feature.optional and present[feature.name] == len(train)]
    if full:
        raise InvalidData(
            f"column(s) {', '.join(full)} are optional, but every training row has a value: the model would not learn "
            "what to predict for requests that leave them out. Empty the cells of rows from before the column existed, "
            "or remove optional from schema.yaml"
        )
