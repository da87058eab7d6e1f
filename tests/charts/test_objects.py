"""The objects of a release: none is added, removed or malformed without a failing test."""

import warnings

import pytest

from tests.charts.rendering import CHART, ROOT, VARIANTS, manifests, of_kind, only, render
from tests.charts.test_networkpolicy import ELSEWHERE

KUBERNETES = ("1.30", "1.37")
CUSTOM = {"Certificate", "HTTPRoute", "PrometheusRule", "ServiceMonitor"}
"""Kinds of other projects, whose schemas no package contains. test_api.py checks them."""

DEFAULT = {
    ("ConfigMap", "espalier-api"),
    ("ConfigMap", "espalier-mlflow"),
    ("ConfigMap", "espalier-postgresql"),
    ("ConfigMap", "espalier-training"),
    ("ConfigMap", "espalier-training-data"),
    ("ConfigMap", "espalier-training-gate"),
    ("ConfigMap", "espalier-training-remote"),
    ("CronJob", "espalier-training"),
    ("CronJob", "espalier-training-rollback"),
    ("CronJob", "espalier-training-seed"),
    ("Deployment", "espalier-api"),
    ("Deployment", "espalier-mlflow"),
    ("HorizontalPodAutoscaler", "espalier-api"),
    ("Lease", "espalier-training-promotion"),
    ("NetworkPolicy", "espalier-alertmanager"),
    ("NetworkPolicy", "espalier-api"),
    ("NetworkPolicy", "espalier-api-smoke"),
    ("NetworkPolicy", "espalier-default-deny"),
    ("NetworkPolicy", "espalier-grafana"),
    ("NetworkPolicy", "espalier-kube-state-metrics"),
    ("NetworkPolicy", "espalier-mlflow"),
    ("NetworkPolicy", "espalier-monitoring-egress"),
    ("NetworkPolicy", "espalier-object-store"),
    ("NetworkPolicy", "espalier-postgresql"),
    ("NetworkPolicy", "espalier-prometheus"),
    ("NetworkPolicy", "espalier-prometheus-operator"),
    ("NetworkPolicy", "espalier-training"),
    ("Pod", "espalier-api-smoke"),
    ("PodDisruptionBudget", "espalier-api"),
    ("Role", "espalier-training"),
    ("RoleBinding", "espalier-training"),
    ("Service", "espalier-api"),
    ("Service", "espalier-api-metrics"),
    ("Service", "espalier-api-peers"),
    ("Service", "espalier-mlflow"),
    ("Service", "espalier-object-store"),
    ("Service", "espalier-object-store-headless"),
    ("Service", "espalier-postgresql"),
    ("Service", "espalier-postgresql-headless"),
    ("ServiceAccount", "espalier-api"),
    ("ServiceAccount", "espalier-mlflow"),
    ("ServiceAccount", "espalier-object-store"),
    ("ServiceAccount", "espalier-postgresql"),
    ("ServiceAccount", "espalier-training"),
    ("ServiceMonitor", "espalier-metrics-api"),
    ("StatefulSet", "espalier-object-store"),
    ("StatefulSet", "espalier-postgresql"),
    ("ValidatingAdmissionPolicy", "espalier-espalier-training-4b7bc18c"),
    ("ValidatingAdmissionPolicyBinding", "espalier-espalier-training-4b7bc18c"),
}
DEFAULT |= {("PrometheusRule", f"espalier-alerts-{path.stem}") for path in (ROOT / "alerts").glob("*.yaml")}
DEFAULT |= {
    ("ConfigMap", f"espalier-dashboard-{path.stem.removeprefix('espalier-')}")
    for path in (ROOT / "dashboards").glob("*.json")
}
SCORING = {(kind, "espalier-scoring") for kind in ("ConfigMap", "CronJob", "NetworkPolicy", "ServiceAccount")}
DASK = {(kind, f"espalier-dask-{part}") for kind in ("Deployment", "NetworkPolicy") for part in ("scheduler", "worker")}
DASK |= {("Service", "espalier-dask-scheduler"), ("ServiceAccount", "espalier-dask")}
EVALUATION = {what for what in DEFAULT if "postgresql" in what[1] or "object-store" in what[1]}
CERTIFICATE = {("Ingress", "espalier-api"), ("Certificate", "espalier-api")}
EXPECTED = {
    "default": DEFAULT,
    "everything": DEFAULT
    | CERTIFICATE
    | SCORING
    | DASK
    | {("HTTPRoute", "espalier-api"), ("ServiceMonitor", "espalier-metrics-ingress")}
    | {("PersistentVolumeClaim", "espalier-training-checkpoints")},
    "kind": DEFAULT | SCORING | {("Ingress", "espalier-api")},
    "prod": (DEFAULT - EVALUATION) | CERTIFICATE | {("NetworkPolicy", "espalier-api-acme-solver")},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_release_has_exactly_these_objects(variant):
    found = [(one["kind"], one["metadata"]["name"]) for one in render(*VARIANTS[variant])]

    assert sorted(found) == sorted(EXPECTED[variant])


@pytest.mark.parametrize("part", ["api", "mlflow", "training", "postgresql", "object-store"])
def test_disabled_part_renders_nothing(part):
    objects = render({part: {"enabled": False}}, ELSEWHERE.get(part, {}))
    names = {one["metadata"]["name"] for one in objects}

    assert not [name for name in names if name.startswith(f"espalier-{part}") or name == f"espalier-espalier-{part}"]


@pytest.mark.parametrize("version", KUBERNETES)
def test_objects_match_the_kubernetes_schemas(objects, version):
    validate = pytest.importorskip("kubernetes_validate", exc_type=ImportError)

    for one in objects:
        if one["kind"] not in CUSTOM:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                validate.validate(one, version, strict=True)


def test_every_object_has_the_labels(objects):
    for one in objects:
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "espalier", one["metadata"]["name"]
        assert labels["app.kubernetes.io/instance"] == "espalier"
        assert labels["app.kubernetes.io/name"]


def test_every_object_has_its_namespace(everything):
    for one in everything:
        if not one["kind"].startswith("ValidatingAdmissionPolicy"):
            assert one["metadata"]["namespace"] == "espalier", one["metadata"]["name"]


def test_selectors_do_not_contain_the_version(default):
    for kind in ("Deployment", "StatefulSet"):
        for one in of_kind(default, kind):
            assert set(one["spec"]["selector"]["matchLabels"]) == {
                "app.kubernetes.io/name",
                "app.kubernetes.io/instance",
            }


@pytest.mark.parametrize("part", ["postgresql", "object-store"])
def test_stateful_sets_are_governed_by_a_headless_service(default, part):
    spec = only(default, "StatefulSet", f"espalier-{part}")["spec"]
    service = only(default, "Service", spec["serviceName"])["spec"]

    assert service["clusterIP"] == "None" and service["publishNotReadyAddresses"] is True
    assert service["selector"] == spec["selector"]["matchLabels"]
    assert only(default, "Service", f"espalier-{part}")["spec"].get("clusterIP") is None, "clients have an address"


@pytest.mark.parametrize("part", ["postgresql", "object-store"])
def test_stateful_sets_check_the_volume_size(part):
    """Only in the source, because `lookup` finds nothing without a cluster."""
    template = (CHART / f"charts/{part}/templates/statefulset.yaml").read_text()

    assert '{{- include "espalier.refuseResize" . }}' in template


def test_two_releases_share_no_object_name():
    names = {(one["kind"], one["metadata"]["name"]) for one in render()}
    others = {(one["kind"], one["metadata"]["name"]) for one in render(name="other", namespace="elsewhere")}

    assert not names & others


def test_manifests_set_no_namespace():
    """The same file works for every release called espalier: kubectl -n NAMESPACE apply -f FILE."""
    for name, one in manifests().items():
        assert "namespace" not in one["metadata"], name
