"""What goes wrong is told: real faults, the real Prometheus and Alertmanager, and the messages as Slack gets them.

The rules are those of the chart with one change: how long a condition has to hold is cut to seconds, since promtool
proves the waiting (tests/alerts) and a cluster is too dear to wait an hour on.
"""

import copy
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import yaml

from espalier.cluster.release import wait_for_stores
from tests.e2e.monitoring import wait_until
from tests.e2e.platform import RELEASE, ROOT, USER, params

OURS = "app.kubernetes.io/part-of=espalier"
FIRES, RESOLVES = 240, 300
RUNBOOKS = "https://github.com/espalier/espalier/blob/main/alerts/runbooks"


@pytest.fixture(scope="module")
def hurried(platform, install):
    """The chart's rules by other names, with `for` cut short; at the end the chart's own again."""
    rules = platform.kube.get("prometheusrules", "-l", OURS)["items"]
    platform.wait_until_settled()
    install("observability.rules.enabled=false")
    platform.kube.apply(*(quick(rule) for rule in rules))
    yield
    names = [f"quick-{rule['metadata']['name']}" for rule in rules]
    platform.kube.kubectl("delete", "prometheusrules", *names)
    install()
    platform.wait_until_settled()


def quick(rule):
    spec = copy.deepcopy(rule["spec"])
    for group in spec["groups"]:
        group["interval"] = "5s"
        for one in group["rules"]:
            if "for" in one:
                one["for"] = "5s"
            if "judged" in one.get("record", ""):  # only of a version that has served for a week
                one["expr"] = one["expr"].replace(" offset 6d", "")
    metadata = {"name": f"quick-{rule['metadata']['name']}"}
    return {"apiVersion": rule["apiVersion"], "kind": rule["kind"], "metadata": metadata, "spec": spec}


@pytest.fixture
def told(platform, monitoring, hurried, note):
    """Call a fault a context: its alert has to reach Slack, and to be called off once the context is left."""

    @contextmanager
    def expect(name, channel, severity):
        began = time.time()
        yield
        fired = monitoring.wait_for(f"{severity} {name} ", since=began, seconds=FIRES)
        note(f"{name}: in Slack {fired.at - began:.0f} s after the fault: {fired.title} | {fired.text!r}")
        assert fired.channel == channel
        assert fired.title == f"{severity} {name} in {platform.kube.namespace}/{RELEASE}"
        assert f"{RUNBOOKS}/{name}.md" in fired.text
        assert "https://grafana.example.com/d/espalier-" in fired.text
        assert "{{" not in fired.text and "<no value>" not in fired.text

    return expect


@pytest.fixture
def called_off(monitoring, note):
    """Call what ends a fault a context: Slack has to hear of it."""

    @contextmanager
    def expect(*names):
        began = time.time()
        yield
        for name in names:
            over = monitoring.wait_for(f"RESOLVED {name} ", since=began, seconds=RESOLVES)
            note(f"{name}: called off {over.at - began:.0f} s after the fault was mended")

    return expect


def test_prometheus_reads_every_pod_and_has_every_rule(platform, monitoring):
    files = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "alerts").glob("*.yaml"))]
    wanted = sorted(
        rule.get("alert") or rule["record"] for file in files for group in file["groups"] for rule in group["rules"]
    )

    def loaded():
        found = monitoring.rules()
        return found if sorted(rule["name"] for rule in found) == wanted else None

    rules = wait_until(loaded, 120, lambda: f"rules loaded: {len(monitoring.rules())} of {len(wanted)}")
    up = monitoring.query(f'up{{namespace="{platform.kube.namespace}",job="{RELEASE}-api-metrics"}}')

    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
    assert {one["metric"]["pod"] for one in up} >= set(platform.api_pods())
    assert {one["value"][1] for one in up if one["metric"]["pod"] in platform.api_pods()} == {"1"}


def test_watchdog_is_heard_again_and_again(monitoring, note):
    beats = wait_until(
        lambda: found if len(found := monitoring.heartbeats()) > 2 else None, 240, lambda: "no heartbeat"
    )
    note(f"watchdog: {len(beats)} heartbeats, the last two {beats[-1] - beats[-2]:.0f} s apart")

    assert beats[-1] - beats[-2] < 90


def test_drift(predict, flights, monitoring, told, called_off, note):
    rows, _late = flights
    far = [row | {"distance": 2586} for row in rows[:800]]  # a feature that a week of training hardly changes
    with told("ModelFeatureDrift", "model", "WARNING"):
        predict(far)
    with called_off("ModelFeatureDrift"):
        predict(rows)
    psi = {one["metric"]["feature"]: float(one["value"][1]) for one in monitoring.query("espalier:feature_psi:7d")}
    note(f"PSI after 12,000 rows of training's own: {max(psi.values()):.4f} at the most ({max(psi, key=psi.get)})")


def test_failed_training(platform, told, called_off):
    job = platform.training_job("unfit", rounds=1)
    job["metadata"]["name"] = f"{RELEASE}-training-unfit"  # as a run of the release is called
    given = yaml.safe_load(params(rounds=1))
    given["validate"]["min_rows"] = 10**8
    data = {"params.yaml": yaml.safe_dump(given)}
    platform.kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "params-unfit"}, "data": data})
    with told("TrainingJobFailed", "model", "WARNING"):
        platform.kube.apply(job)
    with called_off("TrainingJobFailed"):
        platform.kube.kubectl("delete", "job", job["metadata"]["name"])


@pytest.mark.slow
def test_mlflow_down(platform, told, called_off):
    with told("MlflowUnreachable", "platform", "WARNING"):
        platform.kube.kubectl("scale", "--replicas=0", f"deployment/{RELEASE}-mlflow")
    with called_off("MlflowUnreachable"):
        platform.kube.kubectl("scale", "--replicas=1", f"deployment/{RELEASE}-mlflow")
        wait_for_stores(platform.kube, RELEASE)


@pytest.mark.slow
def test_stale_model(platform, told, called_off, install):
    with told("ModelStale", "model", "WARNING"):
        install("observability.rules.enabled=false", values={"api": {"monitoring": {"modelAgeLimitDays": 0.0001}}})
    with called_off("ModelStale"):
        install("observability.rules.enabled=false")
        platform.wait_until_settled()


@pytest.mark.slow
def test_errors_and_slow_answers(platform, ask, flights, told, called_off):
    """Logins without their database are 503; many thousands of rows at once are slow. Both burn the budget."""
    rows, _late = flights
    many = json.dumps({"rows": rows[:1000]}).encode()  # written once: the client must not be what is slow
    database = f"statefulset/{RELEASE}-postgresql"
    with told("ApiErrorBudgetBurn", "platform", "CRITICAL"), told("ApiLatencyBudgetBurn", "platform", "CRITICAL"):
        platform.kube.kubectl("scale", "--replicas=0", database)
        try:
            platform.kube.kubectl("wait", "--for=delete", f"pod/{RELEASE}-postgresql-0", "--timeout=120s")
            # No more at a time than one worker takes or lets wait, wherever the load balancer sends them.
            with ThreadPoolExecutor(16) as clients:
                answers = [clients.submit(log_in, platform) for _ in range(25)]
                list(clients.map(lambda _: ask("/v1/predict", many), range(200)))
            assert {answer.result() for answer in answers} <= {503, 504}
        finally:
            platform.kube.kubectl("scale", "--replicas=1", database)
    wait_for_stores(platform.kube, RELEASE)
    with platform.under_load(50), called_off("ApiErrorBudgetBurn", "ApiLatencyBudgetBurn"):
        pass


def log_in(platform):
    form = {"grant_type": "password", "username": USER, "password": platform.password}
    with platform.client() as client:
        return client.post("/v1/auth/token", data=form, timeout=60).status_code


def test_api_down(platform, told, called_off):
    with told("ApiDown", "platform", "CRITICAL"):
        platform.kube.kubectl("scale", "--replicas=0", f"deployment/{RELEASE}-api")
    with called_off("ApiDown"):
        platform.kube.kubectl("scale", "--replicas=2", f"deployment/{RELEASE}-api")
        platform.wait_until_settled()
