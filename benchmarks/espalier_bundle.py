"""The model of the benchmark as a signed bundle, which is what the API loads."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.workload import FEATURES, Workload
from bundle import (
    BinaryScores,
    Bins,
    BundleMetrics,
    Contract,
    Feature,
    GateVerdict,
    Identity,
    Lineage,
    Reference,
    Target,
    load_private_key,
    sign_bundle,
    write_bundle,
    write_manifest,
)
from pipelines.model.golden_rows import record_golden_rows

__all__ = ["MODEL_NAME", "MODEL_VERSION", "feature_names", "write_signed_bundle"]

MODEL_NAME, MODEL_VERSION = "benchmark", "1"
BINS = 10
"""As many as training gives a numeric feature: drift is counted at its usual cost."""


def feature_names() -> list[str]:
    """Return the names of the features, in the model's order."""
    return [f"feature_{number:02}" for number in range(FEATURES)]


def write_signed_bundle(folder: Path, workload: Workload, signing_key: Path) -> None:
    """Write the bundle of version 1 of the benchmark's model."""
    names = feature_names()
    contract = Contract(
        model_name=MODEL_NAME,
        features=tuple(Feature(name=name, type="float", minimum=-10, maximum=10) for name in names),
        target=Target(name="positive", classes=("no", "yes"), threshold=0.5),
        example=dict(zip(names, workload.rows[0].tolist(), strict=True)),
    )
    columns = dict(zip(names, workload.rows.T, strict=True))
    reference = Reference(
        features={name: _bins(values, missing=True) for name, values in columns.items()},
        score=_bins(workload.expected.astype(np.float64), missing=False),
    )
    model = workload.ubj.read_bytes()
    write_bundle(
        folder,
        model=model,
        contract=contract,
        reference=reference,
        metrics=_metrics(workload),
        golden_rows=record_golden_rows(model, contract),
    )
    verdict = GateVerdict(passed=True, champion_version=None)
    write_manifest(
        folder, identity=Identity(name=MODEL_NAME, version=MODEL_VERSION), verdict=verdict, lineage=_lineage()
    )
    sign_bundle(folder, load_private_key(signing_key))


def _bins(values: npt.NDArray[np.float64], *, missing: bool) -> Bins:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    limits = [f"{edge:.6g}" for edge in edges]
    labels = [f"below {limits[0]}", *(f"{low} to {high}" for low, high in pairwise(limits)), f"{limits[-1]} and above"]
    return Bins(
        labels=(*labels, "missing") if missing else tuple(labels),
        shares=(*(counts / counts.sum()).tolist(), *([0.0] if missing else [])),
        edges=tuple(edges.tolist()),
    )


def _metrics(workload: Workload) -> BundleMetrics:
    """Return scores that satisfy the format; nothing of the benchmark depends on them."""
    scores = BinaryScores(
        rows=len(workload.rows),
        base_rate=0.5,
        log_loss=0.5,
        base_rate_log_loss=0.69,
        brier=0.2,
        accuracy=0.8,
        calibration_error=0.02,
    )
    return BundleMetrics(test=scores)


def _lineage() -> Lineage:
    nothing = hashlib.sha256(b"").hexdigest()
    return Lineage(
        run_id="0" * 32,
        git_commit="unknown",
        data_md5="0" * 32,
        data_sha256=nothing,
        params_sha256=nothing,
        libraries={"xgboost-cpu": version("xgboost-cpu")},
        created=datetime.now(UTC),
    )
