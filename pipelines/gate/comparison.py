"""Compare the candidate with the champion on rows that neither was trained on.

The candidate was not trained on any row of its test set. The champion may have been, because the split has moved or
because of ``train.final_fit``; unseen.py says on which rows the two can be compared.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import xgboost as xgb

from bundle import Bundle, BundleMetrics, Contract
from pipelines.config.params import GateParams
from pipelines.config.schema import Schema
from pipelines.dataset.files import MEASURED_MODEL
from pipelines.dataset.rows import FrameRows
from pipelines.gate.blocks import MIN_BLOCKS, Blocks, blocks_in
from pipelines.gate.checks import Verdict, judge, refuse
from pipelines.gate.evidence import Predictions, collect
from pipelines.gate.unseen import unseen_rows
from pipelines.model.matrix import encode, labels
from pipelines.model.measure import predict
from pipelines.model.scores import slice_places
from pipelines.model.trained import read_model
from pipelines.targets.of_type import task_of
from pipelines.targets.project import Project

__all__ = ["Against", "judge_against"]


@dataclass(frozen=True)
class Against:
    """A champion that the candidate is compared with."""

    bundle: Bundle
    version: str
    comparison: int = 1
    """Number of this comparison among all with this champion, from 1."""


def judge_against(
    champion: Against,
    candidate: BundleMetrics,
    project: Project,
    *,
    test: pd.DataFrame,
    newest: datetime | None = None,
) -> Verdict:
    """Judge the candidate against the champion, on the test rows that the champion was not trained on.

    Args:
        candidate: its scores on all rows of ``test``; its model is the measured one of ``train``.
        test: (n, k) rows.
        newest: time of the newest row that the registered model of the candidate was trained on.
    """
    gate, bundle = project.params.register_.gate, champion.bundle
    reason = _not_comparable(bundle.contract, project, set(test.columns), champion.version)
    if reason:
        return refuse(reason, champion_version=champion.version)
    lineage = bundle.manifest.lineage
    unseen, reason = unseen_rows(lineage, test, project)
    blocks = blocks_in(unseen, project)
    reason = reason or _too_few_blocks(blocks, gate)
    if reason:
        return refuse(f"the champion (version {champion.version}) {reason}", champion_version=champion.version)
    until = lineage.data_until
    evidence = collect(
        _predict_both(bundle, candidate, project, test=unseen, blocks=blocks),
        gate,
        champion_version=champion.version,
        comparison=champion.comparison,
        newer=newest is not None and until is not None and newest > until,
        test_rows=len(test),
    )
    return judge(candidate.test, gate, project.task, champion_version=champion.version, evidence=evidence)


def _predict_both(
    champion: Bundle, candidate: BundleMetrics, project: Project, *, test: pd.DataFrame, blocks: Blocks
) -> Predictions:
    booster = xgb.Booster()
    booster.load_model(bytearray(champion.model))
    truth, (measured, contract) = labels(test, project.task), read_model(MEASURED_MODEL)
    theirs, ours = predict(booster, encode(test, champion.contract)), predict(measured, encode(test, contract))
    all_rows = len(test) == candidate.test.rows
    return Predictions(
        task=project.task,
        truth=truth,
        theirs=theirs,
        ours=ours,
        their_scores=task_of(champion.contract.target).score(truth, theirs),
        our_scores=candidate.test if all_rows else task_of(contract.target).score(truth, ours),
        blocks=blocks,
        slices=tuple(slice_places(FrameRows(test), schema=project.schema, params=project.params.evaluate)),
    )


def _too_few_blocks(blocks: Blocks, gate: GateParams) -> str:
    if blocks.count >= MIN_BLOCKS:
        return ""
    what = "blocks of register.gate.block" if gate.block is not None else "rows"
    return (
        f"can only be compared on {blocks.count} {what}; with fewer than {MIN_BLOCKS} nothing can be said about noise. "
        "Choose shorter blocks, if rows in different blocks are independent then, or test on more rows (prepare)"
    )


def _not_comparable(contract: Contract, project: Project, table: Collection[str], version: str) -> str:
    gate = project.params.register_.gate
    what = _missing_columns(contract, project.schema, table)
    what = what or project.task.not_comparable(contract.target, gate.compare_by)
    if not what:
        return ""
    return (
        f"the champion (version {version}) needs {what}, so it cannot be compared. Check the candidate "
        "yourself, and remove the alias champion to start over"
    )


def _missing_columns(contract: Contract, schema: Schema, table: Collection[str]) -> str:
    columns = {column.name: column for column in (*schema.features, *schema.ignored)}
    unknown = [feature.name for feature in contract.features if feature.name not in columns]
    if unknown:
        return (
            f"column(s) {', '.join(unknown)}, which schema.yaml no longer has (list them as ignored, and keep them in "
            "the table)"
        )
    missing = [feature.name for feature in contract.features if feature.name not in table]
    if missing:
        return (
            f"column(s) {', '.join(missing)}, which the table no longer has (keep them, with empty cells where there "
            "are no values)"
        )
    pairs = [(feature, columns[feature.name]) for feature in contract.features]
    changed = [old.name for old, new in pairs if (old.type == "category") != (new.type == "category")]
    if changed:
        return f"column(s) {', '.join(changed)} with their old type"
    units = [f"{old.name} in {old.unit or 'no unit'}" for old, new in pairs if old.unit != new.unit]
    if units:
        return (
            f"{', '.join(units)}, and schema.yaml says another unit (give a column in another unit another name: "
            "clients of both read the same name)"
        )
    return ""
