import json

import pytest

from espalier.cluster.addons import ADDONS, ensure_addon, trust_ingress


@pytest.mark.parametrize("addon", ADDONS, ids=lambda addon: addon.name)
def test_what_the_cluster_has_is_left_alone(tools, kube, addon):
    tools.answer({"get": (0, "something/there\n")})

    assert not ensure_addon(kube, addon)
    assert not [line for line in tools.lines() if line.startswith("helm")]


@pytest.mark.parametrize("addon", ADDONS, ids=lambda addon: addon.name)
def test_what_is_missing_comes_pinned_from_its_repository(tools, kube, addon, monkeypatch):
    monkeypatch.delenv("CHART_MIRROR", raising=False)

    assert ensure_addon(kube, addon)
    assert f"{addon.name} --repo {addon.repository} --version {addon.version}" in tools.lines()[-1]


def test_mirror_is_used_where_it_has_the_chart(tools, kube, monkeypatch, tmp_path):
    (tmp_path / "mirror/traefik").mkdir(parents=True)
    monkeypatch.setenv("CHART_MIRROR", str(tmp_path / "mirror"))

    for addon in ADDONS:
        ensure_addon(kube, addon)

    commands = [line for line in tools.lines() if line.startswith("helm")]
    assert f"traefik {tmp_path}/mirror/traefik" in commands[0] and "--repo" not in commands[0]
    assert "--repo" in commands[1]


def test_only_the_pods_of_the_ingress_controller_are_trusted(tools, kube):
    pods = [{"status": {"podIPs": [{"ip": "10.244.0.5"}, {"ip": "fd00::5"}]}}, {"status": {}}]
    tools.answer({"get pods": (0, json.dumps({"items": pods}))})

    assert trust_ingress(kube) == r"api.server.forwardedAllowIps=10.244.0.5\,fd00::5"
    assert "--namespace kube-system -l app.kubernetes.io/name=traefik" in tools.lines()[-1]


def test_nobody_is_trusted_where_the_ingress_controller_is_another(tools, kube):
    tools.answer({"get pods": (0, '{"items": []}')})

    assert trust_ingress(kube) == "api.server.forwardedAllowIps=127.0.0.1"
