"""An ingress controller and metrics-server, installed only if the cluster has none."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.cluster.charts import mirrored
from espalier.cluster.tools import Kube

__all__ = ["ADDONS", "Addon", "ensure_addon", "trust_ingress"]

NO_PROXY_ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Addon:
    """A third-party chart, and how to detect that the cluster already has this component."""

    name: str
    repository: str
    version: str
    present: tuple[str, ...]
    """Arguments of kubectl get that list it if it exists."""

    settings: tuple[str, ...]
    """Values, in the form of ``helm --set-json``."""

    namespace: str = "kube-system"


ADDONS = (
    Addon(
        name="traefik",
        repository="https://traefik.github.io/charts",
        version="41.3.0",
        present=("ingressclass",),
        settings=(
            "ports.websecure.hostPort=443",  # the node port that kind publishes
            "ports.web.expose.default=false",
            'service.spec.type="ClusterIP"',
            'nodeSelector={"ingress-ready":"true"}',
            'tolerations=[{"key":"node-role.kubernetes.io/control-plane","operator":"Exists","effect":"NoSchedule"}]',
            'updateStrategy={"type":"Recreate","rollingUpdate":null}',  # two pods cannot share a host port
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
    """Install it if it is missing, and return whether it was. CHART_MIRROR names a folder that may have its chart."""
    if kube.exists(*addon.present):
        return False
    mirror = mirrored(addon.name)
    source = [str(mirror)] if mirror else [addon.name, "--repo", addon.repository, "--version", addon.version]
    settings = [option for setting in addon.settings for option in ("--set-json", setting)]
    kube.helm("upgrade", "--install", addon.name, *source, "--namespace", addon.namespace, *settings, "--wait")
    return True


def trust_ingress(kube: Kube) -> str:
    """Return the chart setting that makes the API trust X-Forwarded-For from our ingress controller.

    It names the present addresses of its pods only. With another controller, or after its pods were replaced, the API
    treats all clients as one: they are throttled together, and no client can forge another address.
    """
    pods = kube.get("pods", "--namespace", ADDONS[0].namespace, "-l", f"app.kubernetes.io/name={ADDONS[0].name}")
    addresses = sorted({address["ip"] for pod in pods["items"] for address in pod["status"].get("podIPs", [])})
    return "api.server.forwardedAllowIps=" + "\\,".join(addresses or [NO_PROXY_ADDRESS])  # a comma would end the value
