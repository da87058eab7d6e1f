"""Stage ``register``: judge the model, register it, and promote it if it passes the gate.

Reads:  the output of ``train`` and ``evaluate``, and the champion.
Gives:  a registered version with its bundle, signed and promoted only if it passed; gate.json, register.json; and in
        the MLflow run, the verdict's numbers as JSON and as a page with plots.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bundle import (
    BundleMetrics,
    GateVerdict,
    HashSplit,
    Lineage,
    Reference,
    load_private_key,
    read_bundle,
    sign_bundle,
    write_bundle,
    write_manifest,
)
from bundle.golden_rows import GoldenRows
from bundle.vocabulary import CHAMPION, COMPARED_WITH_TAG, COMPLETE, GATE_TAG, PASSED, REASONS_TAG, ROLLOUT_TAG
from pipelines.config.settings import Settings, load_settings
from pipelines.console import console
from pipelines.dataset.files import (
    BUNDLE,
    GATE_JSON,
    GATE_REPORT,
    MODEL,
    REFERENCE_JSON,
    REGISTER_JSON,
    RUN_JSON,
    SPLIT_JSON,
    TEST,
    read_json,
    read_prepared,
    write_json,
)
from pipelines.dataset.hash_split import is_test
from pipelines.errors import InvalidData, InvalidParams
from pipelines.gate.checks import Verdict, judge
from pipelines.gate.comparison import Against, judge_against
from pipelines.gate.page import write_report
from pipelines.gate.rescore import verify_metrics
from pipelines.gate.table import verdict_lines
from pipelines.model.golden_rows import record_golden_rows, verify_golden_rows
from pipelines.model.lineage import Origin, read_origin
from pipelines.model.matrix import labels
from pipelines.model.served_rows import verify_served_rows
from pipelines.model.trained import read_model, read_training
from pipelines.promotion.lock import PromotionLock, promotion_lock
from pipelines.promotion.promote import clear_unfinished, promote
from pipelines.promotion.rollout import Rollout, rollout_of
from pipelines.registry.champion import read_version
from pipelines.registry.comparisons import evidence_tags, next_comparison, record_comparison
from pipelines.registry.mlflow_model import write_mlflow_model
from pipelines.registry.registration import (
    find_version,
    read_verdict,
    settle_others,
    stated,
    tags_of,
)
from pipelines.registry.versions import Registry, Version
from pipelines.stages.process import run_stage
from pipelines.targets.project import Project, load_project

__all__ = ["judge_and_settle", "main"]


def main(rollout: Rollout | None = None) -> str:
    """Judge the candidate, register it, and promote it if it passed. Running it again gives the same state."""
    settings = load_settings()
    registry = Registry(settings)
    registry.check()
    with promotion_lock(settings) as lock:  # before the comparison, so that the champion cannot change
        return judge_and_settle(settings, registry, rollout or rollout_of(settings, lock), lock)


def judge_and_settle(settings: Settings, registry: Registry, rollout: Rollout, lock: PromotionLock) -> str:
    """Find or create the version of this work that was judged against the present champion; then promote it."""
    project, origin = load_project(), read_origin(settings)
    name = project.params.register_.model_name
    own = find_version(registry.versions(name), key=origin.key, champion=registry.version_of(name, CHAMPION))
    clear_unfinished(registry, rollout, name, lock=lock, own=own.number if own else None)
    champion = registry.version_of(name, CHAMPION)
    run_id = read_json(RUN_JSON, stage="train")["run_id"]
    with registry.failing(run_id):
        version = find_version(registry.versions(name), key=origin.key, champion=champion)
        if version is None or version.is_uploading:
            version = _register(settings, project, registry, origin, unfinished=version, champion=champion)
        else:
            _restore_verdict(registry, version)
        settle_others(registry, version)
        record_comparison(registry, version)
    registry.finish_run(run_id)
    outcome = _settle(settings, registry, rollout, version, lock)
    write_json({"name": name, "version": version.number, "gate": version.tags[GATE_TAG]}, REGISTER_JSON)
    return f"{name} version {version.number} {outcome}"


def _register(
    settings: Settings,
    project: Project,
    registry: Registry,
    origin: Origin,
    *,
    unfinished: Version | None,
    champion: str | None,
) -> Version:
    key, params = _signing_key(settings), project.params
    metrics = verify_metrics(project)
    judged = _judge(settings, project, registry, metrics, origin, champion)
    verdict = stated(judged)
    tags = {**tags_of(origin.key, verdict), **evidence_tags(judged)}
    version = unfinished
    if version is None or any(version.tags.get(tag) != value for tag, value in tags.items()):
        version = registry.create_version(
            params.register_.model_name,
            run_id=read_json(RUN_JSON, stage="train")["run_id"],
            description=params.register_.description,
            version_description=_describe(project, metrics, verdict),
            tags={
                **tags,
                "data_md5": origin.data_md5,
                "git_commit": origin.git_commit,
                "target_type": project.target.type,
            },
        )
    _report(registry, version, judged)
    golden_rows = _write_bundle(project, version, verdict, metrics, origin)
    if verdict.passed:
        sign_bundle(BUNDLE, key)
        written = read_bundle(BUNDLE, expected=version.identity, trusted_keys=[key.public_key()])
        verify_golden_rows(written, golden_rows)
        console.print(verify_served_rows(written, read_prepared(TEST), project.schema), markup=False, soft_wrap=True)
    registry.upload_bundle(version, BUNDLE)
    if verdict.passed:
        read_version(registry, settings, version, own_key=key.public_key())  # check that the upload is intact
    write_json(verdict.model_dump(mode="json"), GATE_JSON)
    return registry.complete_version(version)


def _signing_key(settings: Settings) -> Ed25519PrivateKey:
    if settings.signing_key_file is None:
        raise InvalidParams(
            "PIPELINE_SIGNING_KEY_FILE is not set; create a key with: espalier keys model --directory DIR"
        )
    return load_private_key(settings.signing_key_file)


def _restore_verdict(registry: Registry, version: Version) -> None:
    """Write gate.json again, as the run that registered the version wrote it."""
    with tempfile.TemporaryDirectory() as folder:
        write_json(read_verdict(registry, version, Path(folder)).model_dump(mode="json"), GATE_JSON)


def _settle(settings: Settings, registry: Registry, rollout: Rollout, version: Version, lock: PromotionLock) -> str:
    """Promote a registered version if it passed; a killed Job may not have reached this step."""
    if version.tags[GATE_TAG] != PASSED:
        return f"was rejected by the gate, the champion stays: {version.tags[REASONS_TAG]}"
    if version.tags.get(ROLLOUT_TAG) == COMPLETE and CHAMPION not in version.aliases:
        return f"was champion before and has been replaced; to serve it again, run: espalier promote {version.number}"
    own_key = _signing_key(settings).public_key() if settings.signing_key_file else None
    read_version(registry, settings, version, own_key=own_key)
    promote(registry, rollout, version, expected_champion=version.tags[COMPARED_WITH_TAG] or None, lock=lock)
    return "passed the gate and is champion"


def _judge(
    settings: Settings,
    project: Project,
    registry: Registry,
    candidate: BundleMetrics,
    origin: Origin,
    champion: str | None,
) -> Verdict:
    if champion is None:
        return judge(candidate.test, project.params.register_.gate, project.task)
    name = project.params.register_.model_name
    versions = registry.versions(name)
    against = Against(
        read_version(registry, settings, registry.version(name, champion)),
        version=champion,
        comparison=next_comparison(versions, key=origin.key, champion=champion),
    )
    newest = read_training().registered.newest
    return judge_against(against, candidate, project, test=read_prepared(TEST), newest=newest)


def _report(registry: Registry, version: Version, verdict: Verdict) -> None:
    """Print the verdict, and write it to the MLflow run for people and for programs."""
    for line in verdict_lines(verdict):
        console.print(line, markup=False, soft_wrap=True)
    shutil.rmtree(GATE_REPORT, ignore_errors=True)
    write_report(GATE_REPORT, verdict, title=f"{version.name} version {version.number}")
    registry.log_report(version, GATE_REPORT)


def _write_bundle(
    project: Project, version: Version, verdict: GateVerdict, metrics: BundleMetrics, origin: Origin
) -> GoldenRows:
    booster, contract = read_model()
    model = MODEL.read_bytes()
    golden_rows = record_golden_rows(model, contract)
    rows = read_training().registered
    shutil.rmtree(BUNDLE, ignore_errors=True)
    write_mlflow_model(BUNDLE, booster, contract)
    write_bundle(
        BUNDLE,
        model=model,
        contract=contract,
        reference=Reference.model_validate_json(REFERENCE_JSON.read_bytes()),
        metrics=metrics,
        golden_rows=golden_rows,
    )
    lineage = Lineage(
        run_id=version.run_id,
        git_commit=origin.git_commit,
        data_md5=origin.data_md5,
        data_sha256=origin.data_sha256,
        params_sha256=origin.params_sha256,
        libraries=origin.libraries,
        created=datetime.fromtimestamp(version.created, UTC),
        data_from=rows.oldest,
        data_until=rows.newest,
        trained_rows=rows.rows,
        split=_split(project),
    )
    write_manifest(BUNDLE, identity=version.identity, verdict=verdict, lineage=lineage)
    return golden_rows


def _split(project: Project) -> HashSplit | None:
    """Return how the rows were divided, after a check that it is how the test rows were."""
    found = read_json(SPLIT_JSON, stage="prepare")
    split = None if found is None else HashSplit.model_validate(found)
    problem = f"{SPLIT_JSON} does not belong to {TEST}; run every stage again: espalier train --force"
    if (split is None) != (project.schema.time is not None):
        raise InvalidData(problem)
    if split is not None:
        test = read_prepared(TEST)
        codes = labels(test, project.task).astype(np.intp)
        if not is_test(test, split, codes, project.target.classes).all():
            raise InvalidData(problem)
    return split


def _describe(project: Project, metrics: BundleMetrics, verdict: GateVerdict) -> str:
    against = f"champion then: version {verdict.champion_version}" if verdict.champion_version else "no champion then"
    return f"{project.task.headline(metrics.test)} on {metrics.test.rows:,} test rows; {against}"


if __name__ == "__main__":
    run_stage("register", main)
