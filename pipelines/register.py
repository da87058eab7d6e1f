"""Stage ``register``: past the gate and into the registry, or rejected with reasons.

Reads:  what ``train`` and ``evaluate`` left, the champion.
Gives:  a registered version with its bundle; signed, and made champion, only if it passed. gate.json, register.json.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import xgboost as xgb

from espalier.bundle import (
    BundleMetrics,
    Contract,
    Lineage,
    Reference,
    Scores,
    load_private_key,
    load_public_keys,
    read_bundle,
    sign_bundle,
    write_bundle,
)
from pipelines.errors import InvalidParams
from pipelines.evaluate import predict, read_model
from pipelines.files import (
    BUNDLE,
    GATE_JSON,
    MODEL,
    REFERENCE_JSON,
    REGISTER_JSON,
    RUN_JSON,
    TEST,
    read_json,
    read_prepared,
    write_json,
)
from pipelines.gate import Verdict, judge, refuse
from pipelines.lineage import Origin, newest_time, read_origin
from pipelines.matrix import encode, labels
from pipelines.mlflow_model import write_mlflow_model
from pipelines.params import Params, load_params
from pipelines.promotion import CHAMPION, clear_unfinished, promote
from pipelines.promotion_lock import PromotionLock, promotion_lock
from pipelines.registry import KEY_TAG, Registry, Version
from pipelines.rescore import verify_metrics
from pipelines.rollout import Rollout, rollout_of
from pipelines.schema import load_schema
from pipelines.scores import score
from pipelines.settings import Settings, load_settings
from pipelines.stage import run_stage

__all__ = ["main"]


def main(rollout: Rollout | None = None) -> str:
    """Judge the candidate, register it, and promote it if it passed. Run again, it ends in the same state."""
    settings, params = load_settings(), load_params()
    registry = Registry(settings)
    registry.check()
    origin = read_origin(settings)
    name = params.register_.model_name
    with promotion_lock(settings) as lock:  # before the comparison, so that the champion stays the one compared with
        bring_in = rollout or rollout_of(settings, lock)
        version = registry.find_version(name, origin.key)
        clear_unfinished(registry, bring_in, name, lock=lock, own=version.number if version else None)
        if version is None:
            version = _register(settings, params, registry, origin)
        elif not GATE_JSON.exists():  # a run that was killed elsewhere got this far
            write_json(registry.read_verdict(version), GATE_JSON)
        said = _settle(registry, bring_in, version, lock)
    write_json({"name": name, "version": version.number, "gate": version.tags["gate"]}, REGISTER_JSON)
    return f"{name} version {version.number} {said}"


def _register(settings: Settings, params: Params, registry: Registry, origin: Origin) -> Version:
    if settings.signing_key_file is None:
        raise InvalidParams(
            "PIPELINE_SIGNING_KEY_FILE is not set; make a key with: espalier keys model --directory DIR"
        )
    key = load_private_key(settings.signing_key_file)
    metrics = verify_metrics(load_schema(), params.evaluate)
    verdict = _judge(settings, params, registry, metrics.test)
    run_id = read_json(RUN_JSON, stage="train")["run_id"]
    _write_bundle(params, origin, metrics, run_id)
    if verdict.passed:
        sign_bundle(BUNDLE, key)
    report = verdict.model_dump() | {"passed": verdict.passed, "reasons": verdict.reasons}
    write_json(report, GATE_JSON)
    registry.log_bundle(run_id, BUNDLE, report)
    return registry.create_version(
        params.register_.model_name,
        run_id=run_id,
        description=params.register_.description,
        version_description=_describe(metrics.test, verdict),
        tags={
            KEY_TAG: origin.key,
            "gate": "passed" if verdict.passed else "rejected",
            "gate.reasons": "; ".join(verdict.reasons),
            "gate.compared_with": verdict.champion_version or "",
            "data_md5": origin.data_md5,
            "git_commit": origin.git_commit,
        },
    )


def _settle(registry: Registry, rollout: Rollout, version: Version, lock: PromotionLock) -> str:
    """Bring a registered version to where it belongs: the second half, which a killed Job may have left undone."""
    if version.tags["gate"] != "passed":
        return f"rejected by the gate, the champion stays: {version.tags['gate.reasons']}"
    if version.tags.get("rollout") == "complete" and CHAMPION not in version.aliases:
        return "was champion before and has been replaced; to serve it again: espalier promote " + version.number
    promote(registry, rollout, version, expected_champion=version.tags["gate.compared_with"] or None, lock=lock)
    return "passed the gate and is champion"


def _judge(settings: Settings, params: Params, registry: Registry, candidate: Scores) -> Verdict:
    name, gate = params.register_.model_name, params.register_.gate
    number = registry.version_of(name, CHAMPION)
    if number is None:
        return judge(candidate, None, gate, champion_version=None)
    champion, contract = _load_champion(settings, registry, registry.version(name, number))
    test, schema = read_prepared(TEST), load_schema()
    missing = [feature.name for feature in contract.features if feature.name not in test.columns]
    if missing:
        reason = (
            f"the champion (version {number}) needs column(s) {', '.join(missing)}, which the data no longer has, so "
            f"the two cannot be compared; judge by eye and remove the alias {CHAMPION} to begin anew"
        )
        return refuse(reason, champion_version=number)
    probabilities = predict(champion, encode(test, contract))
    theirs = score(labels(test, schema), probabilities, threshold=contract.target.threshold)
    return judge(candidate, theirs, gate, champion_version=number)


def _load_champion(settings: Settings, registry: Registry, version: Version) -> tuple[xgb.Booster, Contract]:
    with tempfile.TemporaryDirectory() as folder:
        registry.download_bundle(version, Path(folder))
        bundle = read_bundle(Path(folder), trusted_keys=load_public_keys(settings.trusted_key_files()))
    booster = xgb.Booster()
    booster.load_model(bytearray(bundle.model))
    return booster, bundle.contract


def _write_bundle(params: Params, origin: Origin, metrics: BundleMetrics, run_id: str) -> None:
    booster, contract = read_model()
    shutil.rmtree(BUNDLE, ignore_errors=True)
    write_mlflow_model(BUNDLE, booster, contract)
    write_bundle(
        BUNDLE,
        model=MODEL.read_bytes(),
        contract=contract,
        reference=Reference.model_validate_json(REFERENCE_JSON.read_bytes()),
        metrics=metrics,
        lineage=Lineage(
            model_name=params.register_.model_name,
            run_id=run_id,
            git_commit=origin.git_commit,
            data_md5=origin.data_md5,
            data_sha256=origin.data_sha256,
            params_sha256=origin.params_sha256,
            libraries=origin.libraries,
            created=datetime.now(UTC),
            data_until=newest_time(read_prepared(TEST), load_schema()),
        ),
    )


def _describe(scores: Scores, verdict: Verdict) -> str:
    against = f"champion then: version {verdict.champion_version}" if verdict.champion_version else "no champion then"
    return f"ROC AUC {scores.roc_auc or 0:.4f}, log loss {scores.log_loss:.4f} on {scores.rows:,} test rows; {against}"


if __name__ == "__main__":
    run_stage("register", main)
