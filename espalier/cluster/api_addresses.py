"""Where the Kubernetes API server of a cluster is: what training's NetworkPolicy has to name.

A pod asks the Service ``kubernetes``, whose address the node translates into an endpoint's. Some network plug-ins
compare a policy before that and some after it, so that both are named.
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
    """Return peers and ports as the chart's value ``training.networkPolicy.kubernetesApi`` takes them."""
    service = kube.get("service", "kubernetes", *IN_DEFAULT)["spec"]
    slices = kube.get("endpointslices", *IN_DEFAULT, "--selector", SLICES)["items"]
    addresses = set(service.get("clusterIPs") or [service["clusterIP"]])
    addresses |= {address for one in slices for endpoint in one["endpoints"] for address in endpoint["addresses"]}
    ports = {one["port"] for one in service["ports"]} | {one["port"] for part in slices for one in part["ports"]}
    return {"to": [{"ipBlock": {"cidr": _network(address)}} for address in sorted(addresses)], "ports": sorted(ports)}


def as_setting(peers: dict[str, Any]) -> str:
    """Return what ``helm --set-json`` takes."""
    return f"training.networkPolicy.kubernetesApi={json.dumps(peers)}"


def _network(address: str) -> str:
    return f"{address}/{ip_address(address).max_prefixlen}"
