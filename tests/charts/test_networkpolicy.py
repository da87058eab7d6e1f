"""Who may talk to whom, as it is written; that a cluster enforces it is shown by the end-to-end tests."""

import pytest

from tests.charts.rendering import VARIANTS, of_kind, only, pods, render

ALLOWED = {
    ("api", "mlflow", 5000),
    ("api", "postgresql", 5432),
    ("mlflow", "postgresql", 5432),
    ("mlflow", "object-store", 7070),
    ("training", "mlflow", 5000),
    ("training", "object-store", 7070),
    ("api-smoke", "api", 8000),
}


def labels_of(objects):
    return {pod["metadata"]["labels"]["app.kubernetes.io/name"]: pod["metadata"]["labels"] for _n, pod in pods(objects)}


def selects(selector, labels):
    named = all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))
    return named and selector.get("matchLabels", {}).items() <= labels.items()


def policy_of(objects, name):
    labels = labels_of(objects)[name]
    found = [
        one["spec"]
        for one in of_kind(objects, "NetworkPolicy")
        if selects(one["spec"]["podSelector"], labels) and one["metadata"]["name"] != "espalier-default-deny"
    ]
    (policy,) = found
    return policy


def allows(rules, side, labels, port):
    """Does a rule name this pod of the same namespace, and this port?"""
    for rule in rules:
        ports = {one["port"] for one in rule.get("ports", [])}
        peers = rule.get(side, [{"podSelector": {}}])
        named = [one for one in peers if "podSelector" in one and "namespaceSelector" not in one]
        if port in ports and any(selects(one["podSelector"], labels) for one in named):
            return True
    return False


def test_only_the_named_ways_are_open(default):
    labels = labels_of(default)
    ports = {target: port for _source, target, port in ALLOWED}

    both = {
        (source, target, port)
        for source in labels
        for target, port in ports.items()
        if allows(policy_of(default, source).get("egress", []), "to", labels[target], port)
        and allows(policy_of(default, target).get("ingress", []), "from", labels[source], port)
    }

    assert both == ALLOWED


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_pod_has_a_policy_for_both_directions(variant):
    """non-isolated-pod."""
    objects = render(*VARIANTS[variant])

    for name in labels_of(objects):
        assert policy_of(objects, name)["policyTypes"] == ["Ingress", "Egress"]


def test_default_deny_covers_every_pod(objects):
    denying = of_kind(objects, "NetworkPolicy", "espalier-default-deny")
    for _name, pod in pods(objects):
        for policy in denying:
            assert selects(policy["spec"]["podSelector"], pod["metadata"]["labels"])
            assert "ingress" not in policy["spec"] and "egress" not in policy["spec"]


def ours(objects):
    """Policies of pods that are rendered here: those of kube-prometheus-stack come from its own chart."""
    stack = ("monitoring-egress", "prometheus", "prometheus-operator", "alertmanager", "grafana", "kube-state-metrics")
    names = {f"espalier-{name}" for name in stack}
    return [one for one in of_kind(objects, "NetworkPolicy") if one["metadata"]["name"] not in names]


def test_policies_select_pods_that_exist(default):
    """dangling-networkpolicy."""
    for policy in ours(default):
        assert any(selects(policy["spec"]["podSelector"], labels) for labels in labels_of(default).values())


def test_peers_in_this_release_exist(default):
    labels = labels_of(default).values()
    for policy in ours(default):
        for side, rules in (("from", policy["spec"].get("ingress", [])), ("to", policy["spec"].get("egress", []))):
            for peer in (peer for rule in rules for peer in rule.get(side, []) if set(peer) == {"podSelector"}):
                assert any(selects(peer["podSelector"], one) for one in labels), peer


def test_only_the_api_can_be_reached_from_anywhere(default):
    for name in labels_of(default):
        open_to_all = [rule for rule in policy_of(default, name).get("ingress", []) if "from" not in rule]
        assert [rule["ports"][0]["port"] for rule in open_to_all] == ([8000] if name == "api" else [])


def test_servers_of_data_reach_nothing(default):
    for name in ("postgresql", "object-store"):
        assert "egress" not in policy_of(default, name)


def test_whole_namespace_can_be_denied():
    objects = render({"global": {"networkPolicy": {"denyWholeNamespace": True}}})

    assert only(objects, "NetworkPolicy", "espalier-default-deny")["spec"]["podSelector"] == {}


def test_policies_can_be_left_to_something_else():
    assert not of_kind(render({"global": {"networkPolicy": {"enabled": False}}}), "NetworkPolicy")
