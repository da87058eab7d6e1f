"""Rules and dashboards read existing metrics by existing labels."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Metric

from dashboards.tools.queries import Window, substitute
from services.api.app import ROUTES
from services.api.errors import StartupFailed
from services.api.http.middleware import PROBES
from services.api.keys import load_keys
from services.api.metrics.counters import ApiMetrics
from services.api.metrics.http import served_methods
from services.api.metrics.model import describe_limits
from services.api.metrics.registry import RegistryState
from services.api.metrics.shared import SharedMetrics
from services.api.model.loaded import Model, load_model
from services.api.model.mlflow_registry import RegisteredVersion
from services.api.model.source import ServedBundle
from services.api.prediction.targets.chosen import choose_target
from services.api.process.wait_for_model import Wait
from services.api.settings import Settings
from services.api.startup import dependency_monitor, requested_model
from tests.alerts.promtool import RULE_FILES, rules
from tests.metric_names import API, recorded, series
from tests.promql import selectors
from tests.small_models import TYPES

ROOT = Path(__file__).parents[2]
VARIABLES = defaultdict(lambda: "any", Window(0, 3600).constants(30))
"""Of a dashboard; only ranges need a real value."""


def expressions() -> list[tuple[str, str]]:
    """Return (file, expression) of every rule and every panel."""
    found = []
    for path in RULE_FILES:
        found += [(path.name, rule["expr"]) for rule in rules(path)]
    for path in sorted((ROOT / "dashboards").glob("*.json")):
        found += [(path.name, substitute(query, VARIABLES)) for query in queries(json.loads(path.read_text()))]
    return found


def queries(part: object) -> Iterator[str]:
    """Yield every ``expr`` of a dashboard, at any depth."""
    if isinstance(part, dict):
        if isinstance(part.get("expr"), str):
            yield part["expr"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from queries(inner)


@pytest.mark.parametrize("file", sorted({file for file, _expression in expressions()}))
def test_metrics_and_labels_exist(file):
    known, records = series(), recorded()
    for _file, expression in [entry for entry in expressions() if entry[0] == file]:
        for found in selectors(expression):
            assert found.metric in known or found.metric in records, f"{found.metric} in {expression}"
            for label, _operator, _value in found.matchers if found.metric in known else ():
                assert label in known[found.metric], f"{found.metric} has no label {label}"


INFER = {"/v2/models/{model_name}/infer", "/v2/models/{model_name}/versions/{model_version}/infer"}


def test_routes_are_selected_by_the_labels_that_the_api_emits():
    """Either all counted routes of /v1 and /v2, or all that predict, whichever protocol they have."""
    counted = set(served_methods((), [module.router for module in ROUTES])) - PROBES
    published = {path for path in counted if path.startswith(("/v1", "/v2"))}
    predicting = {"/v1/predict"} | INFER
    assert predicting | {"/v2", "/v2/", "/v2/models/{model_name}"} <= published

    selected = set()
    for _file, expression in expressions():
        for found in selectors(expression):
            for label, operator, value in found.matchers:
                if label == "handler":
                    taken = {
                        path for path in counted if re.fullmatch(value if operator == "=~" else re.escape(value), path)
                    }
                    assert taken in (published, predicting), expression
                    selected |= {frozenset(taken)}
    assert selected == {frozenset(published), frozenset(predicting)}


@pytest.fixture
def exposed(make_bundle, keys, tmp_path) -> dict[str, set[str]]:
    """Every metric that a worker and its parent process expose with a model of any type, with its labels."""
    settings = Settings(
        jwt_signing_key_file=keys.private,
        model_public_key_files=(keys.public,),
        mlflow_tracking_uri="http://127.0.0.1:1",
        model_name="orchard",
    )
    limits = CollectorRegistry()
    describe_limits(limits, model_days=1, data_days=1)
    version = RegisteredVersion(number=7, created=1.0, tags={})
    families = [*limits.collect(), *dependency_monitor(settings, "7").collect()]
    for kind in TYPES:
        served = ServedBundle("orchard", "7", make_bundle(tmp_path / kind, kind=kind), "registry")
        families += _families_of(load_model(served, requested_model(settings, load_keys(settings))))
    families += RegistryState(aliases={}, versions=[version]).gauges()
    families += Wait(StartupFailed("no model yet")).collect()
    found: dict[str, set[str]] = {}
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = found.get(name, set()) | {label for one in family.samples for label in one.labels} - {"le"}
    return found


def _families_of(model: Model) -> list[Metric]:
    registry, shared = CollectorRegistry(), SharedMetrics()
    registry.register(shared)
    ApiMetrics(shared, registry, model, choose_target(model.bundle.contract, model.bundle.reference.score))
    return list(registry.collect())


def test_listed_metrics_are_the_exposed_ones(exposed):
    """The metrics registry is read, so a name that is composed at run time is checked too."""
    listed = {name: labels for name, labels in API.items() if name.startswith("espalier_")}

    assert set(exposed) == set(listed)
    for name, labels in exposed.items():
        assert labels <= listed[name], name


def test_metrics_are_documented():
    documented = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs/metrics.md").read_text()))

    assert set(API) <= documented
