"""The allowed connections as rendered. The end-to-end tests show that a cluster enforces them."""

import helm_python
import pytest

from tests.charts.rendering import EVERYTHING, VARIANTS, of_kind, only, pods, render

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
    """Return whether a rule allows this pod of the same namespace, and this port."""
    for rule in rules:
        ports = {one["port"] for one in rule.get("ports", [])}
        peers = rule.get(side, [{"podSelector": {}}])
        named = [one for one in peers if "podSelector" in one and "namespaceSelector" not in one]
        if port in ports and any(selects(one["podSelector"], labels) for one in named):
            return True
    return False


def test_only_the_listed_connections_are_allowed(default):
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


def test_default_deny_applies_to_both_directions(default):
    assert only(default, "NetworkPolicy", "espalier-default-deny")["spec"]["policyTypes"] == ["Ingress", "Egress"]


def ours(objects):
    """Policies for pods that this chart renders, without those for kube-prometheus-stack and cert-manager."""
    stack = ("monitoring-egress", "prometheus", "prometheus-operator", "alertmanager", "grafana", "kube-state-metrics")
    names = {f"espalier-{name}" for name in stack}
    return [one for one in of_kind(objects, "NetworkPolicy") if one["metadata"]["name"] not in names]


def test_policies_select_pods_that_exist(default):
    """dangling-networkpolicy."""
    for policy in ours(default):
        assert any(selects(policy["spec"]["podSelector"], labels) for labels in labels_of(default).values())


def test_peers_in_this_release_exist(default, everything):
    """Batch scoring is a peer of the model registry and the object store, and is installed if it is enabled."""
    labels = [*labels_of(default).values(), *labels_of(everything).values()]
    for policy in ours(default):
        for side, rules in (("from", policy["spec"].get("ingress", [])), ("to", policy["spec"].get("egress", []))):
            for peer in (peer for rule in rules for peer in rule.get(side, []) if set(peer) == {"podSelector"}):
                assert any(selects(peer["podSelector"], one) for one in labels), peer


def test_only_the_api_is_open_to_all_peers(default):
    for name in labels_of(default):
        open_to_all = [rule for rule in policy_of(default, name).get("ingress", []) if "from" not in rule]
        assert [rule["ports"][0]["port"] for rule in open_to_all] == ([8000] if name == "api" else [])


def test_every_egress_rule_names_its_peers(default):
    """A rule without peers allows every address; address blocks are only for training, to reach the Kubernetes API."""
    rules = [(name, rule) for name in labels_of(default) for rule in policy_of(default, name).get("egress", [])]

    assert {name for name, _rule in rules} > {"api", "mlflow", "training"}
    for name, rule in rules:
        assert rule["to"], name
        assert name == "training" or not [peer for peer in rule["to"] if "ipBlock" in peer], name


def peers(policy, port):
    """`from` of the rule for a port of an ingress policy."""
    (rule,) = (rule for rule in policy["spec"]["ingress"] if port in {one["port"] for one in rule["ports"]})
    return rule.get("from")


def pod(name, instance):
    return {"podSelector": {"matchLabels": {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": instance}}}


PROMETHEUS, ALERTMANAGER = (f"espalier-kube-prometheus-s-{name}" for name in ("prometheus", "alertmanager"))
KEDA = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}


def test_metrics_are_open_to_prometheus_and_the_bundle_to_the_api(default):
    policy = only(default, "NetworkPolicy", "espalier-api")
    (asked,) = (rule for rule in policy["spec"]["egress"] if {"protocol": "TCP", "port": 9091} in rule.get("ports", ()))

    [prometheus] = peers(policy, 9090)
    assert prometheus["podSelector"] == pod("prometheus", PROMETHEUS)["podSelector"]
    assert peers(policy, 9091) == asked["to"] == [pod("api", "espalier")]


def test_helm_test_pod_reaches_a_restricted_api():
    objects = render(*VARIANTS["prod"])

    assert pod("api-smoke", "espalier") in peers(only(objects, "NetworkPolicy", "espalier-api"), 8000)


def test_acme_solver_is_reachable_in_a_denied_namespace():
    deny = {"global": {"networkPolicy": {"denyWholeNamespace": True}}}
    policy = only(render(EVERYTHING, deny), "NetworkPolicy", "espalier-api-acme-solver")["spec"]

    assert policy["podSelector"] == {"matchLabels": {"acme.cert-manager.io/http01-solver": "true"}}
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": 8089}]}]
    dns_only = {"api": {"ingress": {"tls": {"certManager": {"http01Solver": False}}}}}
    for objects in (render(EVERYTHING), render(EVERYTHING, deny, dns_only), render(deny)):
        assert not of_kind(objects, "NetworkPolicy", "espalier-api-acme-solver")


def test_metrics_and_bundle_are_open_to_this_release_only(default):
    rules = [
        rule["from"] for rule in only(default, "NetworkPolicy", "espalier-api")["spec"]["ingress"] if "from" in rule
    ]

    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "espalier"}}}
    assert rules == [[here | pod("prometheus", PROMETHEUS)], [pod("api", "espalier")]]


def test_metrics_can_be_opened_to_another_prometheus():
    prometheus = {"namespace": "monitoring", "instance": "company"}
    values = {"global": {"espalier": {"prometheus": prometheus}}, "kube-prometheus-stack": {"enabled": False}}
    policy = only(render(values), "NetworkPolicy", "espalier-api")

    there = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert there | pod("prometheus", "company") in policy["spec"]["ingress"][1]["from"]


def test_renamed_prometheus_is_refused_until_the_policy_names_it():
    stack = {"kube-prometheus-stack": {"fullnameOverride": "second"}}
    with pytest.raises(helm_python.HelmError, match=r"set global\.espalier\.prometheus\.instance=second-prometheus"):
        render(stack)

    objects = render(stack, {"global": {"espalier": {"prometheus": {"instance": "second-prometheus"}}}})
    assert peers(only(objects, "NetworkPolicy", "espalier-prometheus"), 9090)[1] == pod(
        "prometheus", "second-prometheus"
    )


def test_monitoring_is_open_to_its_own_pods_only(default):
    prometheus = only(default, "NetworkPolicy", "espalier-prometheus")
    alertmanager = only(default, "NetworkPolicy", "espalier-alertmanager")

    assert prometheus["spec"]["podSelector"] == pod("prometheus", PROMETHEUS)["podSelector"]
    assert alertmanager["spec"]["podSelector"] == pod("alertmanager", ALERTMANAGER)["podSelector"]
    assert peers(prometheus, 9090) == [pod("grafana", "espalier"), pod("prometheus", PROMETHEUS)]
    assert peers(alertmanager, 9093) == [pod("prometheus", PROMETHEUS), pod("grafana", "espalier")]
    assert 10901 not in {one["port"] for rule in prometheus["spec"]["ingress"] for one in rule["ports"]}


def test_alertmanager_gossip_is_allowed(default):
    policy = only(default, "NetworkPolicy", "espalier-alertmanager")
    (rule,) = (rule for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == 9094)

    assert rule["from"] == [pod("alertmanager", ALERTMANAGER)]
    assert {one["protocol"] for one in rule["ports"]} == {"TCP", "UDP"}


def test_monitoring_policies_select_no_other_stack(default):
    selector = only(default, "NetworkPolicy", "espalier-monitoring-egress")["spec"]["podSelector"]

    theirs = {"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/instance": "company"}
    assert not selects(selector, theirs)
    assert selects(selector, pod("prometheus", PROMETHEUS)["podSelector"]["matchLabels"])
    for name in ("prometheus", "alertmanager", "grafana", "kube-state-metrics", "prometheus-operator"):
        labels = only(default, "NetworkPolicy", f"espalier-{name}")["spec"]["podSelector"]["matchLabels"]
        assert "app.kubernetes.io/instance" in labels


@pytest.mark.parametrize(
    ("value", "name", "port"),
    [
        ("prometheusFrom", "prometheus", 9090),
        ("thanosFrom", "prometheus", 10901),
        ("alertmanagerFrom", "alertmanager", 9093),
        ("grafanaFrom", "grafana", 3000),
    ],
)
def test_monitoring_can_be_opened_to_other_peers(value, name, port):
    objects = render({"global": {"networkPolicy": {"monitoring": {value: [KEDA]}}}})

    assert KEDA in peers(only(objects, "NetworkPolicy", f"espalier-{name}"), port)


def test_dns_egress_is_to_kube_dns_only(default):
    rules = [rule for one in ours(default) for rule in one["spec"].get("egress", []) if rule["ports"][0]["port"] == 53]

    selector = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    assert rules
    for rule in rules:
        assert rule["to"] == [selector | {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]


FOREIGN = [{"ipBlock": {"cidr": "10.20.0.0/24"}}]

ELSEWHERE = {
    "mlflow": {
        "api": {"mlflowTrackingUri": "https://mlflow.example.com", "networkPolicy": {"mlflow": {"to": []}}},
        "training": {
            "mlflowTrackingUri": "https://mlflow.example.com",
            "networkPolicy": {"mlflow": {"to": FOREIGN}},
        },
    },
    "postgresql": {
        "api": {"networkPolicy": {"database": {"to": FOREIGN}}},
        "mlflow": {"networkPolicy": {"database": {"to": FOREIGN}}},
    },
    "object-store": {
        "mlflow": {"artifacts": {"endpointUrl": ""}, "networkPolicy": {"objectStore": {"to": [], "ports": [443]}}},
        "training": {
            "remote": {"endpointUrl": ""},
            "networkPolicy": {"objectStore": {"to": FOREIGN, "ports": [443]}},
        },
    },
}
"""Values that are required if an own server replaces a part of the chart."""


@pytest.mark.parametrize("part", ELSEWHERE)
@pytest.mark.parametrize("missing", [0, 1])
def test_disabled_part_without_a_replacement_is_refused(part, missing):
    others = dict(list(ELSEWHERE[part].items())[1 - missing :][:1])
    client = list(ELSEWHERE[part])[missing]

    with pytest.raises(helm_python.HelmError, match=rf"{part}\.enabled is false, but {client}\."):
        render({part: {"enabled": False}}, others)
    assert render({part: {"enabled": False}}, ELSEWHERE[part])


def test_data_stores_have_no_egress(default):
    for name in ("postgresql", "object-store"):
        assert "egress" not in policy_of(default, name)


def test_whole_namespace_can_be_denied():
    objects = render({"global": {"networkPolicy": {"denyWholeNamespace": True}}})

    assert only(objects, "NetworkPolicy", "espalier-default-deny")["spec"]["podSelector"] == {}


def test_network_policies_can_be_disabled():
    assert not of_kind(render({"global": {"networkPolicy": {"enabled": False}}}), "NetworkPolicy")
