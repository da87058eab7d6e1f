"""The addresses of the Kubernetes API server, for the NetworkPolicy of training.

A pod connects to the Service ``kubernetes``, and the node translates its address to that of an endpoint. Some network
plug-ins apply policies before the translation and some after it, so the policy has both.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

from espalier.cluster.tools import Kube

__all__ = ["api_peers", "as_setting"]

IN_DEFAULT = ("--namespace", "default")
SLICES = "kubernetes.io/service-name=kubernetes"


def api_peers(kube: Kube) -> dict[str, Any]:
    """Return peers and ports in the form of the chart value ``training.networkPolicy.kubernetesApi``."""
    service = kube.get("service", "kubernetes", *IN_DEFAULT)["spec"]
    slices = kube.get("endpointslices", *IN_DEFAULT, "--selector", SLICES)["items"]
    addresses = set(service.get("clusterIPs") or [service["clusterIP"]])
    addresses |= {address for part in slices for endpoint in part["endpoints"] for address in endpoint["addresses"]}
    ports = {port["port"] for port in service["ports"]} | {port["port"] for part in slices for port in part["ports"]}
    return {"to": [{"ipBlock": {"cidr": _network(address)}} for address in sorted(addresses)], "ports": sorted(ports)}


def as_setting(peers: dict[str, Any]) -> str:
    """Return the argument of ``helm --set-json``."""
    return f"training.networkPolicy.kubernetesApi={json.dumps(peers)}"


def _network(address: str) -> str:
    return f"{address}/{ip_address(address).max_prefixlen}"
