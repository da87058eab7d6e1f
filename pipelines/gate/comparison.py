"""Compare the candidate with the champion on rows that neither was trained on.

The candidate was trained on rows older than its test set. The champion may have been trained on rows of the present
test set, because the split has moved or because of ``train.final_fit``. Only rows newer than all training rows of the
champion are used: docs/adr/0009-windows-and-final-fit.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import xgboost as xgb

from bundle import Bundle, BundleMetrics, Contract
from pipelines.config.params import GateParams, Params
from pipelines.config.schema import Schema
from pipelines.dataset.files import MEASURED_MODEL
from pipelines.gate.blocks import MIN_BLOCKS, Blocks, blocks_of
from pipelines.gate.checks import Verdict, judge, refuse
from pipelines.gate.evidence import Predictions, collect
from pipelines.model.matrix import encode, labels
from pipelines.model.measure import predict
from pipelines.model.scores import score, slice_places
from pipelines.model.trained import read_model

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
    params: Params,
    *,
    test: pd.DataFrame,
    schema: Schema,
    newest: datetime | None = None,
) -> Verdict:
    """Judge the candidate against the champion, on the test rows that the champion was not trained on.

    Args:
        candidate: its scores on all rows of ``test``; its model is the measured one of ``train``.
        test: (n, k) rows.
        newest: time of the newest row that the registered model of the candidate was trained on.
    """
    gate, bundle = params.register_.gate, champion.bundle
    reason = _not_comparable(bundle.contract, schema, champion.version)
    if reason:
        return refuse(reason, champion_version=champion.version)
    until = bundle.manifest.lineage.data_until
    unseen = test if until is None else _newer_than(until, test, schema)
    blocks = blocks_of(unseen[schema.time.name], gate.block)
    reason = _too_few(unseen, test, until, gate=gate, schema=schema) or _too_few_blocks(blocks, gate)
    if reason:
        return refuse(f"the champion (version {champion.version}) {reason}", champion_version=champion.version)
    evidence = collect(
        _predict_both(bundle, candidate, params, test=unseen, schema=schema, blocks=blocks),
        gate,
        champion_version=champion.version,
        comparison=champion.comparison,
        newer=newest is not None and until is not None and newest > until,
        test_rows=len(test),
    )
    return judge(candidate.test, gate, champion_version=champion.version, evidence=evidence)


def _predict_both(
    champion: Bundle, candidate: BundleMetrics, params: Params, *, test: pd.DataFrame, schema: Schema, blocks: Blocks
) -> Predictions:
    booster = xgb.Booster()
    booster.load_model(bytearray(champion.model))
    truth, (measured, contract) = labels(test, schema), read_model(MEASURED_MODEL)
    theirs, ours = predict(booster, encode(test, champion.contract)), predict(measured, encode(test, contract))
    all_rows = len(test) == candidate.test.rows
    return Predictions(
        truth=truth,
        theirs=theirs,
        ours=ours,
        their_scores=score(truth, theirs, threshold=champion.contract.target.threshold),
        our_scores=candidate.test if all_rows else score(truth, ours, threshold=contract.target.threshold),
        blocks=blocks,
        slices=tuple(slice_places(test, schema=schema, params=params.evaluate)),
    )


def _too_few_blocks(blocks: Blocks, gate: GateParams) -> str:
    if blocks.count >= MIN_BLOCKS:
        return ""
    what = "blocks of register.gate.block" if gate.block is not None else "rows"
    return (
        f"can only be compared on {blocks.count} {what}; with fewer than {MIN_BLOCKS} nothing can be said about noise. "
        "Choose shorter blocks, if rows in different blocks are independent then, or test on more rows (prepare)"
    )


def _newer_than(until: datetime, test: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    wall_clock = pd.Timestamp(until.astimezone(schema.time.zone).replace(tzinfo=None))
    return test[test[schema.time.name] > wall_clock]


def _too_few(
    unseen: pd.DataFrame, test: pd.DataFrame, until: datetime | None, *, gate: GateParams, schema: Schema
) -> str:
    if until is None or len(unseen) == len(test):
        return ""
    reached = (
        f"was trained on rows up to {until:%Y-%m-%d %H:%M} UTC; only {len(unseen):,} of {len(test):,} test rows are "
        "newer"
    )
    if len(unseen) < gate.min_compared_rows:
        return (
            f"{reached}, fewer than register.gate.min_compared_rows = {gate.min_compared_rows:,}. On its own training "
            "rows, the champion would beat any candidate. Train again when there are more new rows"
        )
    if unseen[schema.target.name].nunique() == 1:
        return (
            f"{reached}, and all have the same class, so scores are undefined. Train again when there are more new rows"
        )
    return ""


def _not_comparable(contract: Contract, schema: Schema, version: str) -> str:
    columns = {feature.name: feature.type for feature in schema.features}
    missing = [feature.name for feature in contract.features if feature.name not in columns]
    changed = [
        feature.name
        for feature in contract.features
        if feature.name in columns and (feature.type == "category") != (columns[feature.name] == "category")
    ]
    if not missing and not changed:
        return ""
    what = (
        f"column(s) {', '.join(missing)}, which schema.yaml no longer has"
        if missing
        else f"column(s) {', '.join(changed)} with their old type"
    )
    return (
        f"the champion (version {version}) needs {what}, so it cannot be compared. Check the candidate "
        "yourself, and remove the alias champion to start over"
    )
