"""Divide rows without a time into training and test rows by a hash of their values.

A row with the same values is on the same side in every run, whatever other rows there are, so a later run can tell
which of its rows a model was trained on from the limits alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundle import HashSplit
from pipelines.dataset.row_hashes import hashes_of
from pipelines.dataset.rows import Rows, as_rows
from pipelines.dataset.sides import Mask, check_sides
from pipelines.errors import InvalidData
from pipelines.targets.project import Project

__all__ = ["ALL_ROWS", "divide_by_hash", "is_test", "make_split", "split_of"]

ALL_ROWS = ""
"""The key of ``HashSplit.test_below`` if one limit is for all rows."""

Hashes = npt.NDArray[np.uint64]

GOLDEN = 0x9E3779B97F4A7C15
FACTORS = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
LAST = np.uint64(31)


def divide_by_hash(rows: Rows, project: Project) -> tuple[Mask, HashSplit]:
    """Return which rows, all with a known target, are test rows: those with a small hash; and the limits.

    Equal rows are on one side, as are the rows of one group. Memory: some eight-byte numbers for each row.

    Raises:
        InvalidData: one side is empty or cannot be learned from, a feature has no training value, a class has one row,
            or a row has no group.
    """
    params = project.params.prepare
    if params.group is not None and rows.column(params.group).isna().any():
        raise InvalidData(
            f"{int(rows.column(params.group).isna().sum()):,} row(s) have no {params.group}, which is prepare.group: "
            "nothing says which rows they belong to; fill the cells, or give each of these rows a group of its own"
        )
    split, codes = split_of(rows, project, seed=params.seed, share=params.test_share or 0)
    tests = is_test(rows, split, codes, project.target.classes)
    check_sides(rows, ~tests, tests, project, where="on its side of the split by hash")
    return tests, split


def make_split(
    rows: Rows | pd.DataFrame,
    *,
    columns: Sequence[str],
    seed: int,
    test_share: float,
    classes: npt.NDArray[np.intp] | None,
    names: Sequence[str] = (),
) -> HashSplit:
    """Return the limits that put ``test_share`` of the rows into the test set.

    Args:
        columns: the columns to hash.
        classes: (n,) code of each row's class, for the exact share of every class; None: one limit for all rows,
            with which the share is about ``test_share``, and a row never changes its side.
        names: of the classes.

    Raises:
        InvalidData: a class has fewer than two rows.
    """
    if classes is None:
        limits = {ALL_ROWS: int(test_share * 2**64)}
    else:
        hashes = _hashes(rows, columns, seed)
        limits = {name: _limit(hashes[classes == code], test_share, name) for code, name in enumerate(names)}
    return HashSplit(seed=seed, columns=tuple(columns), test_below=limits)


def split_of(
    rows: Rows | pd.DataFrame, project: Project, *, seed: int, share: float
) -> tuple[HashSplit, npt.NDArray[np.intp]]:
    """Return the limits that put ``share`` of the rows on one side, by ``prepare.group`` and ``prepare.stratify``, and
    the (n,) codes of the rows' classes, which ``is_test`` needs.

    Raises:
        InvalidData: a class has fewer than two rows.
    """
    schema, params, target = project.schema, project.params.prepare, project.target
    stratify = params.stratify if params.stratify is not None else bool(target.classes) and params.group is None
    codes = project.task.truth(as_rows(rows).column(schema.target.name).to_numpy()).astype(np.intp)
    every = [name for name in schema.columns if name != schema.target.name]
    split = make_split(
        rows,
        columns=every if params.group is None else [params.group],
        seed=seed,
        test_share=share,
        classes=codes if stratify else None,
        names=target.classes,
    )
    return split, codes


def is_test(rows: Rows | pd.DataFrame, split: HashSplit, classes: npt.NDArray[np.intp], names: Sequence[str]) -> Mask:
    """Return (n,) whether each row is a test row.

    Args:
        classes: (n,) code of each row's class; not used if one limit is for all rows.
        names: of the classes.
    """
    hashes = _hashes(rows, split.columns, split.seed)
    if ALL_ROWS in split.test_below:
        return np.asarray(hashes < np.uint64(split.test_below[ALL_ROWS]))
    limits = np.array([split.test_below[name] for name in names], dtype=np.uint64)
    return np.asarray(hashes < limits[classes])


def _limit(hashes: Hashes, test_share: float, name: str) -> int:
    """Return the limit that the wanted number of hashes is below: at least one, and not all."""
    ordered = np.sort(hashes)
    if len(ordered) < 2 or ordered[0] == ordered[-1]:  # noqa: PLR2004
        raise InvalidData(
            f"the class {name} has {len(ordered)} row(s), too few for one in the training set and one in the test set; "
            "add rows, or remove the class from schema.yaml"
        )
    place = min(max(1, round(test_share * len(ordered))), len(ordered) - 1)
    return int(max(ordered[place], ordered[ordered > ordered[0]][0]))  # equal rows are on one side


def _hashes(rows: Rows | pd.DataFrame, columns: Sequence[str], seed: int) -> Hashes:
    """Return the rows' hashes mixed with the seed by the finaliser of SplitMix64, so that another seed is another
    order.

    Source: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
    """
    mixed = hashes_of(rows, columns) + np.uint64(GOLDEN * (seed + 1) % 2**64)
    for shift, factor in FACTORS:
        mixed = (mixed ^ (mixed >> shift)) * factor
    return np.asarray(mixed ^ (mixed >> LAST))
