"""Which pods reach which services: tried from pods; other connections are refused."""

import json
import secrets

import pytest

from tests.e2e.platform import RELEASE
from tests.e2e.pods import restricted_pod

PORTS = {"mlflow": 5000, "postgresql": 5432, "object-store": 7070, "api": 8000}
OUTSIDE = {"kubernetes": 443, "stranger": 6443}
"""The cluster's own API, and a pod in another namespace that listens on an API server's port."""

ALLOWED = {
    "api": {"mlflow", "postgresql"},
    "training": {"mlflow", "object-store", "kubernetes"},
    "mlflow": {"postgresql", "object-store"},
    "unlabelled": {"api", *OUTSIDE},
    "other-namespace": {"api", *OUTSIDE},
}
LISTEN = """
import socketserver
socketserver.TCPServer(("", 6443), socketserver.BaseRequestHandler).serve_forever()
"""
PROBE = """
import json, socket, sys, time
targets, expected = json.loads(sys.argv[1]), set(json.loads(sys.argv[2]))
def reached(host, port):
    try:
        socket.create_connection((host, port), 2).close()
        return True
    except OSError:
        return False
for _ in range(30):  # a policy takes a moment to apply to a new pod
    result = {name for name, (host, port) in targets.items() if reached(host, port)}
    if result == expected:
        break
    time.sleep(1)
print(json.dumps(sorted(result)))
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
    kubectl("apply", "--namespace", other_namespace, "-f", "-", stdin=json.dumps(pod))
    kubectl("wait", "--namespace", other_namespace, "--for=condition=Ready", "pod/stranger", "--timeout=180s")
    stranger = platform.kube.get("pod", "stranger", "--namespace", other_namespace)["status"]["podIP"]
    kubernetes = platform.kube.get("service", "kubernetes", "--namespace", "default")["spec"]["clusterIP"]
    return {"kubernetes": (kubernetes, OUTSIDE["kubernetes"]), "stranger": (stranger, OUTSIDE["stranger"])}


@pytest.mark.parametrize("who", ALLOWED)
def test_pod_reaches_only_what_it_needs(platform, other_namespace, outside, who):
    # By address, not by name: a pod without access to DNS would reach nothing for that alone.
    services = {name: platform.kube.get("service", f"{RELEASE}-{name}")["spec"]["clusterIP"] for name in PORTS}
    ports = {**PORTS, "api": 80}
    targets = {name: (services[name], ports[name]) for name in PORTS} | outside
    if who in {"api", "training", "mlflow"}:
        del targets["api"]
    pod = probe(who, targets, ALLOWED[who])
    namespace = other_namespace if who == "other-namespace" else platform.kube.namespace
    name = pod["metadata"]["name"]
    kubectl = platform.kube.kubectl
    kubectl("apply", "--namespace", namespace, "-f", "-", stdin=json.dumps(pod))
    try:
        kubectl(
            "wait",
            "--namespace",
            namespace,
            "--for=jsonpath={.status.phase}=Succeeded",
            f"pod/{name}",
            "--timeout=180s",
        )
        reached = set(json.loads(kubectl("logs", "--namespace", namespace, name)))
    finally:
        kubectl("delete", "--namespace", namespace, "pod", name, "--wait=false")

    assert reached == ALLOWED[who]


def probe(who, targets, expected):
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
        json.dumps(sorted(expected)),
        restart="Never",
    )
