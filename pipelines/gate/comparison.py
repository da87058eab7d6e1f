"""Compare the candidate with the champion on rows that neither was trained on.

The candidate was trained on rows older than its test set. The champion may have been trained on rows of the present
test set, because the split has moved or because of ``train.final_fit``. Only rows newer than all training rows of the
champion are used: docs/adr/0009-windows-and-final-fit.md.
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import xgboost as xgb

from bundle import Bundle, BundleMetrics, Contract, Scores
from pipelines.config.params import GateParams
from pipelines.config.schema import Schema
from pipelines.dataset.files import MEASURED_MODEL
from pipelines.gate.checks import Verdict, judge, refuse
from pipelines.model.matrix import encode, labels
from pipelines.model.measure import predict
from pipelines.model.scores import score
from pipelines.model.trained import read_model

__all__ = ["judge_against"]


def judge_against(
    champion: Bundle, candidate: BundleMetrics, gate: GateParams, *, test: pd.DataFrame, schema: Schema, version: str
) -> Verdict:
    """Judge the candidate against the champion, on the test rows that the champion was not trained on.

    Args:
        champion: the bundle of ``version``.
        candidate: its scores on all rows of ``test``; its model is the measured one of ``train``.
        test: (n, k) rows.
    """
    reason = _not_comparable(champion.contract, schema, version)
    if reason:
        return refuse(reason, champion_version=version)
    until = champion.manifest.lineage.data_until
    unseen = test if until is None else _newer_than(until, test, schema)
    reason = _too_few(unseen, test, until, gate=gate, schema=schema)
    if reason:
        return refuse(f"the champion (version {version}) {reason}", champion_version=version)
    booster = xgb.Booster()
    booster.load_model(bytearray(champion.model))
    theirs = _score(booster, champion.contract, unseen, schema)
    ours = candidate.test if len(unseen) == len(test) else _score(*read_model(MEASURED_MODEL), unseen, schema)
    return judge(candidate.test, theirs, gate, champion_version=version, compared=ours)


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


def _score(booster: xgb.Booster, contract: Contract, rows: pd.DataFrame, schema: Schema) -> Scores:
    probabilities = predict(booster, encode(rows, contract))
    return score(labels(rows, schema), probabilities, threshold=contract.target.threshold)
