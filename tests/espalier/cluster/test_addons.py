import pytest

from espalier.cluster.addons import ADDONS, ensure_addon


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
