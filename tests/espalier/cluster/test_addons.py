import json

import pytest

from espalier.cluster.addons import ADDONS, ensure_addon, trust_ingress


@pytest.mark.parametrize("addon", ADDONS, ids=lambda addon: addon.name)
def test_existing_addon_is_not_installed(tools, kube, addon):
    tools.answer({"get": (0, "something/there\n")})

    assert not ensure_addon(kube, addon)
    assert not [line for line in tools.lines() if line.startswith("helm")]


@pytest.mark.parametrize("addon", ADDONS, ids=lambda addon: addon.name)
def test_missing_addon_is_installed_with_a_pinned_version(tools, kube, addon, monkeypatch):
    monkeypatch.delenv("CHART_MIRROR", raising=False)

    assert ensure_addon(kube, addon)
    assert f"{addon.name} --repo {addon.repository} --version {addon.version}" in tools.lines()[-1]


def test_chart_in_the_mirror_is_used(tools, kube, monkeypatch, tmp_path):
    (tmp_path / "mirror/traefik").mkdir(parents=True)
    monkeypatch.setenv("CHART_MIRROR", str(tmp_path / "mirror"))

    for addon in ADDONS:
        ensure_addon(kube, addon)

    commands = [line for line in tools.lines() if line.startswith("helm")]
    assert f"traefik {tmp_path}/mirror/traefik" in commands[0] and "--repo" not in commands[0]
    assert "--repo" in commands[1]


def test_only_ingress_controller_pods_are_trusted(tools, kube):
    pods = [{"status": {"podIPs": [{"ip": "10.244.0.5"}, {"ip": "fd00::5"}]}}, {"status": {}}]
    tools.answer({"get pods": (0, json.dumps({"items": pods}))})

    assert trust_ingress(kube) == r"api.server.forwardedAllowIps=10.244.0.5\,fd00::5"
    assert "--namespace kube-system -l app.kubernetes.io/name=traefik" in tools.lines()[-1]


def test_no_address_is_trusted_with_another_ingress_controller(tools, kube):
    tools.answer({"get pods": (0, '{"items": []}')})

    assert trust_ingress(kube) == "api.server.forwardedAllowIps=127.0.0.1"
