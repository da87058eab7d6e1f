import pytest
import yaml

from espalier.cluster import kind
from espalier.cluster.kind import KindCluster


@pytest.fixture
def config(tools, monkeypatch):
    """Make a cluster; give the options and the configuration that kind was called with."""
    seen = []

    def note(*command):
        path = command[command.index("--config") + 1]
        with open(path) as file:
            seen.append((command, yaml.safe_load(file)))

    monkeypatch.setattr(kind, "run", note)

    def create(cluster):
        cluster.create()
        return seen[-1]

    return create


def test_first_node_answers_https_on_loopback(config):
    _command, made = config(KindCluster("c", nodes=3, https_port=10443))

    assert [node["role"] for node in made["nodes"]] == ["control-plane", "worker", "worker"]
    assert made["nodes"][0]["extraPortMappings"] == [
        {"containerPort": 443, "hostPort": 10443, "listenAddress": "127.0.0.1"}
    ]


def test_one_node_is_enough(config):
    assert len(config(KindCluster("c", nodes=1))[1]["nodes"]) == 1


def test_node_image_can_be_overridden(config, monkeypatch):
    monkeypatch.setenv("KIND_NODE_IMAGE", "mine:1")

    assert "mine:1" in config(KindCluster("c"))[0]


def test_cluster_is_found_by_its_full_name(tools):
    tools.answer({"get clusters": (0, "espalier-e2e\nother\n")})

    assert KindCluster("espalier-e2e").exists()
    assert not KindCluster("espalier").exists()
