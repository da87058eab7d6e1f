"""Who reaches whom: tried from pods, with refused connections where none is allowed."""

import json
import secrets

import pytest

from tests.e2e.platform import RELEASE
from tests.e2e.pods import restricted_pod

PORTS = {"mlflow": 5000, "postgresql": 5432, "object-store": 7070, "api": 8000}
OUTSIDE = {"kubernetes": 443, "stranger": 6443}
"""The cluster's own API, and somebody in another namespace who listens where an API server may."""

ALLOWED = {
    "api": {"mlflow", "postgresql"},
    "training": {"mlflow", "object-store", "kubernetes"},
    "mlflow": {"postgresql", "object-store"},
    "nobody": {"api", *OUTSIDE},
    "other-namespace": {"api", *OUTSIDE},
}
LISTEN = """
import socketserver
socketserver.TCPServer(("", 6443), socketserver.BaseRequestHandler).serve_forever()
"""
PROBE = """
import json, socket, sys, time
targets, wanted = json.loads(sys.argv[1]), set(json.loads(sys.argv[2]))
def reached(host, port):
    try:
        socket.create_connection((host, port), 2).close()
        return True
    except OSError:
        return False
for _ in range(30):  # a policy takes a moment to hold for a new pod
    found = {name for name, (host, port) in targets.items() if reached(host, port)}
    if found == wanted:
        break
    time.sleep(1)
print(json.dumps(sorted(found)))
"""


@pytest.fixture(scope="module")
def other_namespace(platform):
    name = f"{platform.kube.namespace}-other"
    platform.kube.kubectl("create", "namespace", name)
    yield name
    platform.kube.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def outside(platform, other_namespace):
    """Addresses outside the release: name → (address, port)."""
    kubectl = platform.kube.kubectl
    pod = restricted_pod("stranger", {"app": "stranger"}, LISTEN)
    kubectl("apply", "--namespace", other_namespace, "-f", "-", given=json.dumps(pod))
    kubectl("wait", "--namespace", other_namespace, "--for=condition=Ready", "pod/stranger", "--timeout=180s")
    stranger = platform.kube.get("pod", "stranger", "--namespace", other_namespace)["status"]["podIP"]
    kubernetes = platform.kube.get("service", "kubernetes", "--namespace", "default")["spec"]["clusterIP"]
    return {"kubernetes": (kubernetes, OUTSIDE["kubernetes"]), "stranger": (stranger, OUTSIDE["stranger"])}


@pytest.mark.parametrize("who", ALLOWED)
def test_dependencies_are_reached_only_by_pods_that_need_them(platform, other_namespace, outside, who):
    # By name inside the cluster's own network: addresses, so that a pod without DNS egress is probed for its own sake.
    services = {name: platform.kube.get("service", f"{RELEASE}-{name}")["spec"]["clusterIP"] for name in PORTS}
    ports = {**PORTS, "api": 80}
    targets = {name: (services[name], ports[name]) for name in PORTS} | outside
    if who in {"api", "training", "mlflow"}:
        del targets["api"]
    pod = probe(who, targets, ALLOWED[who])
    namespace = other_namespace if who == "other-namespace" else platform.kube.namespace
    name = pod["metadata"]["name"]
    kubectl = platform.kube.kubectl
    kubectl("apply", "--namespace", namespace, "-f", "-", given=json.dumps(pod))
    try:
        kubectl(
            "wait",
            "--namespace",
            namespace,
            "--for=jsonpath={.status.phase}=Succeeded",
            f"pod/{name}",
            "--timeout=180s",
        )
        found = set(json.loads(kubectl("logs", "--namespace", namespace, name)))
    finally:
        kubectl("delete", "--namespace", namespace, "pod", name, "--wait=false")

    assert found == ALLOWED[who]


def probe(who, targets, wanted):
    labels = {
        "app.kubernetes.io/name": who,
        "app.kubernetes.io/instance": RELEASE,
        "app.kubernetes.io/part-of": "espalier",
    }
    return restricted_pod(
        f"probe-{who}-{secrets.token_hex(3)}",
        labels if who in {"api", "training", "mlflow"} else {"app": "probe"},
        PROBE,
        json.dumps(targets),
        json.dumps(sorted(wanted)),
        restart="Never",
    )
