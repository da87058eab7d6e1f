"""The Dask cluster: who reaches it, what it may do, and how a training run finds it."""

import re

import helm_python
import pytest

from espalier.cluster.secrets import evaluation_secrets
from tests.charts.rendering import merged, of_kind, only, render
from tests.charts.test_networkpolicy import selects
from tests.charts.test_training import container_of, environment, job_of, pod_of

ON = {"training": {"dask": {"enabled": True, "workers": 3, "threads": 4, "waitSeconds": 33}}}
OPERATOR = merged(ON, {"training": {"dask": {"operator": True}}})
THEIRS = {"training": {"dask": {"address": "tls://dask.example.com:8786"}}}
PEERS = {"training": {"networkPolicy": {"dask": {"to": [{"ipBlock": {"cidr": "10.9.0.0/16"}}]}}}}
PARTS = ("scheduler", "worker")


@pytest.fixture(scope="module")
def cluster():
    return render(ON)


def pod(objects, part):
    return only(objects, "Deployment", f"espalier-dask-{part}")["spec"]["template"]


def labels(objects, part):
    return pod(objects, part)["metadata"]["labels"]


def connections(objects, source, target):
    """Ports that the policies of both sides allow; None is every port."""

    def found(name, side, peers, other):
        for rule in only(objects, "NetworkPolicy", name)["spec"][side]:
            named = [one["podSelector"] for one in rule[peers] if set(one) == {"podSelector"}]
            if any(selects(selector, other) for selector in named):
                yield {one["port"] for one in rule["ports"]} if "ports" in rule else None

    out = list(found(SIDES[source][0], "egress", "to", SIDES[target][1](objects)))
    into = list(found(SIDES[target][0], "ingress", "from", SIDES[source][1](objects)))
    return out, into


SIDES = {
    "training": ("espalier-training", lambda objects: pod_of(objects)["metadata"]["labels"]),
    **{part: (f"espalier-dask-{part}", lambda objects, part=part: labels(objects, part)) for part in PARTS},
}


def test_only_training_runs_and_the_cluster_reach_each_other(cluster):
    assert connections(cluster, "training", "scheduler") == ([{8786}], [{8786}])
    assert connections(cluster, "training", "worker") == ([{8789}], [{8789}])
    assert connections(cluster, "worker", "scheduler") == ([None], [None])
    assert connections(cluster, "scheduler", "worker") == ([None], [None])
    assert connections(cluster, "worker", "worker") == ([None], [None])


def test_no_other_pod_reaches_the_cluster_and_it_reaches_no_other(cluster):
    """Every rule names pods of this release, and only workers may ask DNS besides."""
    mine = [labels(cluster, part) for part in PARTS]
    allowed = [*mine, pod_of(cluster)["metadata"]["labels"]]
    for part in PARTS:
        spec = only(cluster, "NetworkPolicy", f"espalier-dask-{part}")["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        for peer in (peer for rule in spec["ingress"] for peer in rule["from"]):
            assert set(peer) == {"podSelector"} and any(selects(peer["podSelector"], one) for one in allowed)
            assert set(peer["podSelector"]["matchLabels"]) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
        outside = [rule for rule in spec["egress"] if not all(set(peer) == {"podSelector"} for peer in rule["to"])]
        assert [{one["port"] for one in rule["ports"]} for rule in outside] == ([{53}] if part == "worker" else [])


def test_a_training_run_finds_the_cluster(cluster):
    found = environment(cluster, container_of(cluster, "training"))

    assert found["PIPELINE_DASK_ADDRESS"] == "tls://espalier-dask-scheduler:8786"
    assert found["PIPELINE_DASK_WORKERS"] == "3" and found["PIPELINE_DASK_WAIT_SECONDS"] == "33"
    service = only(cluster, "Service", "espalier-dask-scheduler")["spec"]
    assert [port["port"] for port in service["ports"]] == [8786]
    assert selects({"matchLabels": service["selector"]}, labels(cluster, "scheduler"))


def test_the_gate_and_the_seed_know_nothing_of_the_cluster(cluster):
    for container in (container_of(cluster, "gate"), container_of(cluster, "seed", "espalier-training-seed")):
        assert "dask-tls" not in [mount["name"] for mount in container["volumeMounts"]]
    assert not [name for name in environment(cluster, container_of(cluster, "gate")) if "DASK" in name]


def test_the_job_is_the_same_with_and_without_a_cluster(default, cluster):
    assert job_of(default) == job_of(cluster)
    assert not [name for name in environment(default, container_of(default, "training")) if "DASK" in name]


@pytest.mark.parametrize("part", PARTS)
def test_scheduler_and_workers_have_the_certificate_and_nothing_else(cluster, part):
    spec = pod(cluster, part)["spec"]
    (container,) = spec["containers"]

    assert spec["serviceAccountName"] == "espalier-dask"
    assert {volume["name"] for volume in spec["volumes"]} == {"dask-tls", "tmp"}
    assert spec["volumes"][0]["secret"] == {"secretName": "espalier-dask", "defaultMode": 0o440}
    assert "envFrom" not in container and {one["name"].split("__")[0] for one in container["env"]} == {
        "DASK_DISTRIBUTED"
    }
    assert not [one for one in of_kind(cluster, "RoleBinding") if one["subjects"][0]["name"] == "espalier-dask"]


@pytest.mark.parametrize("part", PARTS)
def test_connections_are_encrypted_by_files_of_the_secret(cluster, part):
    (container,) = pod(cluster, part)["spec"]["containers"]
    run = environment(cluster, container_of(cluster, "training"))
    paths = [value for name, value in run.items() if re.fullmatch(r"PIPELINE_DASK_(CA|CERT|KEY)_FILE", name)]

    assert "--protocol=tls" in container["args"]
    assert {one["name"]: one["value"] for one in container["env"]}[
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"
    ] == "true"
    files = {option.split("=")[1] for option in container["args"] if option.startswith("--tls-")}
    assert files == set(paths) and len(files) == 3
    assert {path.rsplit("/", 1)[1] for path in files} == set(
        evaluation_secrets("espalier", "localhost")["espalier-dask"]
    )


def test_options_are_dask_s(cluster):
    from distributed.cli import dask_scheduler, dask_worker

    for part, command in (("scheduler", dask_scheduler.main), ("worker", dask_worker.main)):
        (container,) = pod(cluster, part)["spec"]["containers"]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert container["command"] == ["dask", part]
        assert {option.split("=")[0] for option in container["args"] if option.startswith("--")} <= known


def test_number_of_workers_and_threads_follow_the_values(cluster):
    worker = only(cluster, "Deployment", "espalier-dask-worker")["spec"]

    assert worker["replicas"] == 3
    assert "--nthreads=4" in worker["template"]["spec"]["containers"][0]["args"]
    assert only(cluster, "Deployment", "espalier-dask-scheduler")["spec"]["replicas"] == 1


def test_operator_gets_the_same_pods():
    plain, objects = render(ON), render(OPERATOR)
    found = only(objects, "DaskCluster")

    assert not of_kind(objects, "Deployment", "espalier-dask-worker")
    assert not of_kind(objects, "Service", "espalier-dask-scheduler")
    assert found["apiVersion"] == "kubernetes.dask.org/v1" and found["metadata"]["name"] == "espalier-dask"
    assert found["spec"]["worker"]["replicas"] == 3
    for part in PARTS:
        assert found["spec"][part]["spec"] == pod(plain, part)["spec"]
    assert environment(objects, container_of(objects, "training")) == environment(
        plain, container_of(plain, "training")
    )


def test_policies_select_the_operator_s_pods():
    """It labels pods with the name of the DaskCluster and the part, and has a Service <name>-scheduler."""
    objects = render(OPERATOR)
    theirs = {part: {"dask.org/cluster-name": "espalier-dask", "dask.org/component": part} for part in PARTS}

    for part in PARTS:
        assert (
            only(objects, "NetworkPolicy", f"espalier-dask-{part}")["spec"]["podSelector"]["matchLabels"]
            == theirs[part]
        )
    assert only(objects, "DaskCluster")["spec"]["scheduler"]["service"]["selector"] == theirs["scheduler"]


def test_another_cluster_is_named_by_its_address():
    objects = render(THEIRS, PEERS)
    run = environment(objects, container_of(objects, "training"))

    assert run["PIPELINE_DASK_ADDRESS"] == "tls://dask.example.com:8786" and "PIPELINE_DASK_KEY_FILE" in run
    assert not [one for one in objects if one["metadata"]["name"].startswith("espalier-dask")]
    (rule,) = (
        rule
        for rule in only(objects, "NetworkPolicy", "espalier-training")["spec"]["egress"]
        if {"protocol": "TCP", "port": 8789} in rule["ports"]
    )
    assert rule["to"] == PEERS["training"]["networkPolicy"]["dask"]["to"]


def test_another_cluster_without_peers_is_refused():
    with pytest.raises(helm_python.HelmError, match=r"training\.networkPolicy\.dask\.to"):
        render(THEIRS)


def test_two_clusters_are_refused():
    with pytest.raises(helm_python.HelmError, match="set only one of them"):
        render(ON, THEIRS, PEERS)
