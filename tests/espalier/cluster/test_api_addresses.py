import json

from espalier.cluster.api_addresses import api_peers, as_setting

SERVICE = {"spec": {"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00::1"], "ports": [{"port": 443}]}}
SLICES = {
    "items": [
        {"endpoints": [{"addresses": ["172.18.0.3"]}, {"addresses": ["172.18.0.2"]}], "ports": [{"port": 6443}]},
        {"endpoints": [{"addresses": ["fc00::2"]}], "ports": [{"port": 6443}]},
    ]
}
ANSWERS = {"get service kubernetes": (0, json.dumps(SERVICE)), "get endpointslices": (0, json.dumps(SLICES))}


def test_service_and_endpoint_addresses_are_returned(tools, kube):
    tools.answer(ANSWERS)

    peers = api_peers(kube)

    cidrs = ["10.96.0.1/32", "172.18.0.2/32", "172.18.0.3/32", "fc00::2/128", "fd00::1/128"]
    assert peers == {"to": [{"ipBlock": {"cidr": cidr}} for cidr in cidrs], "ports": [443, 6443]}
    assert all("--namespace default" in line for line in tools.lines())


def test_setting_is_json_for_helm(tools, kube):
    tools.answer(ANSWERS)

    name, _, value = as_setting(api_peers(kube)).partition("=")

    assert name == "training.networkPolicy.kubernetesApi"
    assert json.loads(value)["ports"] == [443, 6443]
