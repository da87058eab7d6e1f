"""Real faults raise alerts, through the real Prometheus and Alertmanager to the messages that Slack receives.

The rules are the chart's with one change: ``for`` is cut to seconds. promtool tests the durations (tests/alerts), and
waiting an hour on a cluster costs too much.
"""

import copy
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import yaml

from espalier.cluster.release import wait_for_stores
from tests.e2e.monitoring import connected, start_prometheus, stop_prometheus, wait_until
from tests.e2e.platform import RELEASE, ROOT, USER, params

OURS = "app.kubernetes.io/part-of=espalier"
FIRES, RESOLVES = 240, 300
"""Seconds until a message must have arrived."""

RUNBOOKS = "https://github.com/espalier/espalier/blob/main/alerts/runbooks"


@pytest.fixture(scope="module")
def monitoring(platform, first_champion):
    """Prometheus without history: in windows of hours and days the load of earlier modules hides a fault."""
    stop_prometheus(platform.kube)
    start_prometheus(platform.kube)
    with connected(platform.kube) as monitoring:
        wait_until_scraped(platform, monitoring)  # an increase needs a sample from before it
        yield monitoring


def wait_until_scraped(platform, monitoring):
    expression = f'up{{namespace="{platform.kube.namespace}",job="{RELEASE}-api-metrics"}} == 1'

    def missing():
        scraped = {series["metric"]["pod"] for series in monitoring.query(expression)}
        return set(platform.api_pods()) - scraped

    wait_until(lambda: None if missing() else True, 120, lambda: f"not scraped: {missing()}")


@pytest.fixture(scope="module")
def hurried(platform, monitoring, install):
    """The chart's rules under other names with a short ``for``; afterwards the chart's own again."""
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
        for entry in group["rules"]:
            if "for" in entry:
                entry["for"] = "5s"
            if "judged" in entry.get("record", ""):  # holds only for a version that has served for a week
                entry["expr"] = entry["expr"].replace(" offset 6d", "")
    metadata = {"name": f"quick-{rule['metadata']['name']}"}
    return {"apiVersion": rule["apiVersion"], "kind": rule["kind"], "metadata": metadata, "spec": spec}


@pytest.fixture
def fires(platform, monitoring, hurried, note):
    """Return a context manager: the fault made in its block must reach Slack as an alert."""

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
def resolves(monitoring, note):
    """Return a context manager: after the repair made in its block Slack must be notified that alerts are resolved."""

    @contextmanager
    def expect(*names):
        began = time.time()
        yield
        for name in names:
            resolved = monitoring.wait_for(f"RESOLVED {name} ", since=began, seconds=RESOLVES)
            note(f"{name}: resolved {resolved.at - began:.0f} s after the repair began")

    return expect


def test_prometheus_scrapes_every_pod_and_loads_every_rule(platform, monitoring):
    files = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "alerts").glob("*.yaml"))]
    expected = sorted(
        rule.get("alert") or rule["record"] for file in files for group in file["groups"] for rule in group["rules"]
    )

    def loaded():
        rules = monitoring.rules()
        return rules if sorted(rule["name"] for rule in rules) == expected else None

    rules = wait_until(loaded, 120, lambda: f"rules loaded: {len(monitoring.rules())} of {len(expected)}")
    wait_until_scraped(platform, monitoring)

    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []


@pytest.mark.slow
def test_heartbeat_repeats(monitoring, note):
    """Alertmanager repeats it every minute. Earlier ones do not count: another module may have stopped Prometheus."""
    began = time.time()

    def repeated():
        beats = [beat for beat in monitoring.heartbeats() if beat > began]
        return beats if len(beats) > 1 else None

    beats = wait_until(repeated, 300, lambda: f"no two heartbeats since {began}: {monitoring.heartbeats()}")
    note(f"watchdog: heartbeats {beats[1] - beats[0]:.0f} s apart")

    assert beats[1] - beats[0] < 90


@pytest.mark.slow
def test_drift(predict, flights, monitoring, fires, resolves, note):
    rows, _labels = flights
    far = [row | {"distance": 2586} for row in rows[:800]]  # a feature that a week of training hardly changes
    with fires("ModelFeatureDrift", "model", "WARNING"):
        predict(far)
    with resolves("ModelFeatureDrift"):
        predict(rows)
    psi = {
        series["metric"]["feature"]: float(series["value"][1]) for series in monitoring.query("espalier:feature_psi:7d")
    }
    note(f"PSI after 12,000 training rows: {max(psi.values()):.4f} at the most ({max(psi, key=psi.get)})")


@pytest.mark.slow
def test_failed_training_job(platform, fires, resolves):
    job = platform.training_job("unfit", rounds=1)
    job["metadata"]["name"] = f"{RELEASE}-training-unfit"  # as the release names its runs
    content = yaml.safe_load(params(rounds=1))
    content["validate"]["min_rows"] = 10**8
    data = {"params.yaml": yaml.safe_dump(content)}
    platform.kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "params-unfit"}, "data": data})
    with fires("TrainingJobFailed", "model", "WARNING"):
        platform.kube.apply(job)
    with resolves("TrainingJobFailed"):
        platform.kube.kubectl("delete", "job", job["metadata"]["name"])


@pytest.mark.slow
def test_mlflow_down(platform, fires, resolves):
    mlflow = f"deployment/{RELEASE}-mlflow"
    with scaled_back(platform, mlflow, 1):
        with fires("MlflowUnreachable", "platform", "WARNING"):
            platform.kube.kubectl("scale", "--replicas=0", mlflow)
        with resolves("MlflowUnreachable"):
            platform.kube.kubectl("scale", "--replicas=1", mlflow)
            wait_for_stores(platform.kube, RELEASE)


@contextmanager
def scaled_back(platform, workload, replicas):
    """Restore a number of pods at the end, also when the block fails."""
    try:
        yield
    finally:
        platform.kube.kubectl("scale", f"--replicas={replicas}", workload)


@pytest.mark.slow
def test_stale_model(platform, fires, resolves, install):
    with fires("ModelStale", "model", "WARNING"):
        install("observability.rules.enabled=false", values={"api": {"monitoring": {"modelAgeLimitDays": 0.0001}}})
    with resolves("ModelStale"):
        install("observability.rules.enabled=false")
        platform.wait_until_settled()


@pytest.mark.slow
def test_errors_and_slow_answers(platform, post, flights, fires, resolves):
    """Logins without the database get 503, and many thousands of rows at once are slow: both spend error budget."""
    rows, _labels = flights
    many = json.dumps({"rows": rows[:1000]}).encode()  # encoded once, so that the client is not the bottleneck
    database = f"statefulset/{RELEASE}-postgresql"
    with fires("ApiErrorBudgetBurn", "platform", "CRITICAL"), fires("ApiLatencyBudgetBurn", "platform", "CRITICAL"):
        with scaled_back(platform, database, 1):
            platform.kube.kubectl("scale", "--replicas=0", database)
            platform.kube.kubectl("wait", "--for=delete", f"pod/{RELEASE}-postgresql-0", "--timeout=120s")
            # No more at a time than one worker accepts, wherever the load balancer sends them.
            with ThreadPoolExecutor(16) as clients:
                answers = [clients.submit(log_in, platform) for _ in range(25)]
                list(clients.map(lambda _: post("/v1/predict", many), range(200)))
            assert {answer.result() for answer in answers} <= {503, 504}
    wait_for_stores(platform.kube, RELEASE)
    with platform.under_load(50), resolves("ApiErrorBudgetBurn", "ApiLatencyBudgetBurn"):
        pass


def log_in(platform):
    form = {"grant_type": "password", "username": USER, "password": platform.password}
    with platform.client() as client:
        return client.post("/v1/auth/token", data=form, timeout=60).status_code


def test_api_down(platform, fires, resolves):
    api = f"deployment/{RELEASE}-api"
    with scaled_back(platform, api, 2):
        with fires("ApiDown", "platform", "CRITICAL"):
            platform.kube.kubectl("scale", "--replicas=0", api)
        with resolves("ApiDown"):
            platform.kube.kubectl("scale", "--replicas=2", api)
            platform.wait_until_settled()
