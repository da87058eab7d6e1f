"""PrometheusRules and dashboards from alerts/ and dashboards/, and the values of the monitoring stack."""

import json
import re
import shutil

import helm_python
import pytest
import yaml

from tests.charts.rendering import CHART, ROOT, SECRETS, merged, of_kind, only, render, values_file

RULES = sorted((ROOT / "alerts").glob("*.yaml"))
DASHBOARDS = sorted((ROOT / "dashboards").glob("*.json"))
OTHER = {
    "observability": {
        "labels": {"release": "theirs"},
        "grafanaUrl": "https://grafana.other.example",
        "rules": {"runbooks": "https://wiki.other.example/runbooks"},
    }
}


def test_rules_of_the_default_release_equal_the_files(default):
    for path in RULES:
        rule = only(default, "PrometheusRule", f"espalier-alerts-{path.stem}")
        assert rule["spec"] == yaml.safe_load(path.read_text())


def test_dashboards_of_the_default_release_equal_the_files(default):
    for path in DASHBOARDS:
        name = f"espalier-dashboard-{path.stem.removeprefix('espalier-')}"
        found = only(default, "ConfigMap", name)
        assert json.loads(found["data"][path.name]) == json.loads(path.read_text())
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"


def rules_of(objects):
    for one in of_kind(objects, "PrometheusRule"):
        yield from (rule for group in one["spec"]["groups"] for rule in group["rules"])


def dashboards_of(objects):
    """File name → dashboard."""
    found = [one["data"] for one in of_kind(objects, "ConfigMap") if "-dashboard-" in one["metadata"]["name"]]
    return {name: json.loads(text) for data in found for name, text in data.items()}


def queries(value):
    """Every query and link of a dashboard."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from [inner] if key in ("expr", "query", "url", "definition") else queries(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from queries(inner)


def test_names_of_the_default_release_are_replaced():
    """No matcher contains the default release's name, in any form."""
    objects = render(OTHER, name="mine", namespace="elsewhere")

    for one in of_kind(objects, "PrometheusRule"):
        assert one["metadata"]["labels"]["release"] == "theirs"
    for rule in rules_of(objects):
        assert not re.search(r'[=~]"[^"]*espalier', rule["expr"])
        text = " ".join(rule.get("annotations", {}).values())
        assert not re.search(r'"espalier-|grafana\.example\.com|github\.com/espalier', text)
        assert "alert" not in rule or rule["labels"]["release"] == "mine"
    for dashboard in dashboards_of(objects).values():
        for text in map(str, queries(dashboard)):
            assert not re.search(r'[=~]"[^"]*espalier', text), text


@pytest.mark.parametrize("other", [("mine", "espalier"), ("espalier", "elsewhere")], ids=["name", "namespace"])
def test_dashboards_of_two_releases_do_not_collide(default, other):
    name, namespace = other
    here, there = dashboards_of(default), dashboards_of(render(name=name, namespace=namespace))

    assert len(here) == len(there) == len(DASHBOARDS)
    assert not set(here) & set(there), "the sidecar writes the files of all namespaces into the same folder"
    uids, titles = ([{one[key] for one in found.values()} for found in (here, there)] for key in ("uid", "title"))
    assert not uids[0] & uids[1]
    assert not titles[0] & titles[1]
    assert all(len(uid) <= 40 for uid in uids[1])
    assert all(file == f"{one['uid']}.json" for file, one in there.items())


def test_links_point_to_the_same_release_s_dashboards():
    objects = render(name="mine", namespace="elsewhere")
    uids = {one["uid"] for one in dashboards_of(objects).values()}

    alerts = [rule["annotations"]["dashboard_url"] for rule in rules_of(objects) if "alert" in rule]
    links = [text for one in dashboards_of(objects).values() for text in map(str, queries(one))]
    linked = set(re.findall(r"/d/([\w-]+)", " ".join([*alerts, *links])))
    assert alerts and linked <= uids


@pytest.mark.parametrize(
    "word", ["a-seasonal-feature", 'namespace="espalier"', '"espalier-', "grafana.example.com", "release: espalier"]
)
def test_every_replaced_pattern_occurs_in_the_alerts(word):
    assert any(word in path.read_text() for path in RULES)


def test_seasonal_features_without_a_placeholder_are_refused(tmp_path):
    copy = shutil.copytree(CHART, tmp_path / "espalier")
    for path in (copy / "charts/observability/files/alerts").glob("*.yaml"):
        path.write_text(path.read_text().replace("a-seasonal-feature", "another-word"))
    values = merged(SECRETS, {"observability": {"rules": {"seasonalFeatures": ["day_of_week"]}}})

    with pytest.raises(helm_python.HelmError, match="seasonalFeatures has no effect"):
        helm_python.Chart.load(copy).render(values, name="espalier", namespace="espalier")


def test_seasonal_features_replace_the_placeholder():
    objects = render({"observability": {"rules": {"seasonalFeatures": ["day_of_week", "temp"]}}})
    groups = only(objects, "PrometheusRule", "espalier-alerts-drift")["spec"]["groups"]
    (alert,) = [rule for group in groups for rule in group["rules"] if rule.get("alert") == "ModelFeatureDrift"]

    assert 'feature!~"day_of_week|temp"' in alert["expr"]


def test_service_monitor_selects_the_metrics_service(default):
    monitor = only(default, "ServiceMonitor", "espalier-metrics-api")["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    services = [one for one in of_kind(default, "Service") if wanted <= one["metadata"]["labels"].items()]
    scraped = [
        one["metadata"]["name"]
        for one in services
        for port in one["spec"]["ports"]
        if port["name"] == monitor["endpoints"][0]["port"]
    ]

    assert scraped == ["espalier-api-metrics"]


@pytest.mark.parametrize(
    ("without", "key"),
    [
        ({"alertmanager": {"alertmanagerSpec": {"secrets": []}}}, "alertmanagerSpec.secrets is empty"),
        ({"grafana": {"enabled": True, "admin": {"existingSecret": ""}}}, "grafana.admin.existingSecret is not set"),
    ],
    ids=["alerts", "grafana"],
)
def test_stack_without_its_secrets_is_refused(without, key):
    with pytest.raises(helm_python.HelmError, match=rf"{re.escape(key)}(.|\n)*make secrets"):
        render({"kube-prometheus-stack": without})


def test_disabled_alertmanager_needs_no_secret():
    assert render({"kube-prometheus-stack": {"alertmanager": {"enabled": False, "alertmanagerSpec": {"secrets": []}}}})


def matches(matchers, labels):
    """Match as Alertmanager does: = and =~, anchored; a missing label is empty."""
    for matcher in matchers:
        name, operator, value = re.fullmatch(r'(\w+)(=~|=)"(.*)"', matcher).groups()
        found = labels.get(name, "")
        if not (found == value if operator == "=" else re.fullmatch(value, found)):
            return False
    return True


def test_critical_alerts_inhibit_own_warnings_only():
    (rule,) = values_file("values.yaml")["kube-prometheus-stack"]["alertmanager"]["config"]["inhibit_rules"]
    alerts = [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]
    ours = [one["labels"] for one in alerts if "alert" in one]

    assert set(rule["equal"]) == {"namespace", "release", "component"}
    for labels in ours:
        assert matches(rule["source_matchers"], labels) is (labels["severity"] == "critical")
        assert matches(rule["target_matchers"], labels) is (labels["severity"] in ("warning", "info"))
    of_the_stack = {"namespace": "espalier", "team": "platform"}
    assert not matches(rule["source_matchers"], of_the_stack | {"severity": "critical"})
    assert not matches(rule["target_matchers"], of_the_stack | {"severity": "warning"})
    assert not matches(rule["target_matchers"], {"severity": "warning", "component": "api"})


def test_slack_links_are_left_out_without_a_url():
    """Alerts of kube-prometheus-stack have no dashboard_url."""
    receivers = values_file("values.yaml")["kube-prometheus-stack"]["alertmanager"]["config"]["receivers"]
    (text,) = {slack["text"] for receiver in receivers for slack in receiver.get("slack_configs", [])}

    links = re.findall(r"(\S+ }})?<({{ [^}]+ }})\|", text)
    assert links == [(f".CommonAnnotations.{name} }}}}", "{{ . }}") for name in ("runbook_url", "dashboard_url")]
    assert text.count("{{ with .CommonAnnotations.") == len(links)


def test_disabled_stack_needs_no_secrets():
    objects = render(merged(SECRETS, {"kube-prometheus-stack": {"enabled": False}}), secrets=False)

    assert not of_kind(objects, "NetworkPolicy", "espalier-prometheus")
    assert of_kind(objects, "ServiceMonitor")


def test_disabled_observability_renders_nothing():
    objects = render({"observability": {"enabled": False}})

    assert not of_kind(objects, "PrometheusRule") + of_kind(objects, "ServiceMonitor")
    assert not [one for one in of_kind(objects, "ConfigMap") if "dashboard" in one["metadata"]["name"]]
