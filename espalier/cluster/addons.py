"""What a bare cluster may lack: an ingress controller and metrics-server. Installed only where there is none."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.cluster.charts import mirrored
from espalier.cluster.tools import Kube

__all__ = ["ADDONS", "Addon", "ensure_addon", "trust_ingress"]

NOBODY = "127.0.0.1"


@dataclass(frozen=True)
class Addon:
    """A chart of others, and how to see that the cluster has such a thing already."""

    name: str
    repository: str
    version: str
    present: tuple[str, ...]
    """What kubectl lists if it is there."""

    settings: tuple[str, ...]
    """Values, each as ``helm --set-json`` reads it."""

    namespace: str = "kube-system"


ADDONS = (
    Addon(
        name="traefik",
        repository="https://traefik.github.io/charts",
        version="41.3.0",
        present=("ingressclass",),
        settings=(
            "ports.websecure.hostPort=443",  # where the cluster's published port leads
            "ports.web.expose.default=false",
            'service.spec.type="ClusterIP"',
            'nodeSelector={"ingress-ready":"true"}',
            'tolerations=[{"key":"node-role.kubernetes.io/control-plane","operator":"Exists","effect":"NoSchedule"}]',
            'updateStrategy={"type":"Recreate","rollingUpdate":null}',  # two pods cannot have one host port
        ),
    ),
    Addon(
        name="metrics-server",
        repository="https://kubernetes-sigs.github.io/metrics-server/",
        version="3.13.1",
        present=("apiservice", "v1beta1.metrics.k8s.io"),
        settings=('args=["--kubelet-insecure-tls"]',),  # kind's kubelets sign their own certificates
    ),
)


def ensure_addon(kube: Kube, addon: Addon) -> bool:
    """Install it where it is missing, and tell whether it was. CHART_MIRROR names a folder that may hold its chart."""
    if kube.exists(*addon.present):
        return False
    found = mirrored(addon.name)
    source = [str(found)] if found else [addon.name, "--repo", addon.repository, "--version", addon.version]
    settings = [option for setting in addon.settings for option in ("--set-json", setting)]
    kube.helm("upgrade", "--install", addon.name, *source, "--namespace", addon.namespace, *settings, "--wait")
    return True


def trust_ingress(kube: Kube) -> str:
    """Return the setting of the chart by which the API believes what our ingress controller says of its clients.

    Its pods' addresses as they are now, and nothing else. With another controller, or after its pods were replaced, the
    API takes all of its clients for one: it throttles them together, and nobody can pass for another.
    """
    pods = kube.get("pods", "--namespace", ADDONS[0].namespace, "-l", f"app.kubernetes.io/name={ADDONS[0].name}")
    addresses = sorted({one["ip"] for pod in pods["items"] for one in pod["status"].get("podIPs", [])})
    return "api.server.forwardedAllowIps=" + "\\,".join(addresses or [NOBODY])  # a comma would end the value
