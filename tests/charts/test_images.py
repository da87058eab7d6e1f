"""Image references: own registry, mirror, digest, and never a Docker Hub name that the project does not own."""

import helm_python
import pytest
import yaml

from tests.charts.rendering import CHART, SECRETS, containers, merged, of_kind, pods, render, values_file

REGISTRY = {"global": {"espalier": {"imageRegistry": "registry.example.com/team", "imagesPreloaded": False}}}
DIGEST = f"sha256:{'a' * 64}"
PARTS = ("api", "mlflow", "training", "postgresql", "object-store")


def images(objects):
    return {container["image"] for _name, pod in pods(objects) for container in containers(pod)}


def test_registry_applies_to_own_images_only():
    found = images(render(REGISTRY))

    ours = {name for name in found if "espalier/" in name}
    assert len(ours) == 3
    assert all(name.startswith("registry.example.com/team/espalier/") for name in ours)
    assert all(name.startswith("docker.io/") for name in found - ours)


def test_missing_registry_is_refused_unless_images_are_preloaded():
    without = merged(SECRETS, {"global": {"espalier": {"imagesPreloaded": False}}})

    with pytest.raises(helm_python.HelmError, match=r"global\.espalier\.imageRegistry is not set(.|\n)*make images"):
        render(without, secrets=False)


def pull_policies(*values):
    return {
        container["imagePullPolicy"]
        for _name, pod in pods(render(*values))
        for container in containers(pod)
        if "espalier/" in container["image"]
    }


def test_preloaded_images_are_never_pulled():
    assert pull_policies() == {"Never"}
    assert pull_policies(REGISTRY) == {"IfNotPresent"}
    assert pull_policies(merged(REGISTRY, {"global": {"espalier": {"imagesPreloaded": True}}})) == {"IfNotPresent"}


def test_registry_of_a_part_takes_precedence():
    registry = {"mlflow": {"image": {"registry": "other.example.com"}}}

    (mlflow,) = (name for name in images(render(REGISTRY, registry)) if "espalier/mlflow" in name)
    assert mlflow.startswith("other.example.com/espalier/mlflow:")
    assert pull_policies(registry) == {"Never", "IfNotPresent"}, "preloaded are only the others"


def test_images_are_preloaded_only_in_values_kind():
    assert yaml.safe_load((CHART / "values.yaml").read_text())["global"]["espalier"]["imagesPreloaded"] is False
    assert values_file("values-kind.yaml")["global"]["espalier"]["imagesPreloaded"] is True
    assert values_file("values-prod.yaml")["global"]["espalier"]["imageRegistry"]


def test_mirror_replaces_the_registries_of_other_projects():
    found = images(render(REGISTRY, {"global": {"espalier": {"mirrorRegistry": "mirror.example.com/hub"}}}))

    others = {name for name in found if "espalier/" not in name}
    assert {name.rpartition(":")[0] for name in others} == {
        "mirror.example.com/hub/library/postgres",
        "mirror.example.com/hub/versity/versitygw",
    }


def test_shipped_values_set_no_global_of_the_monitoring_stack():
    """kube-prometheus-stack reads global.imageRegistry and global.imagePullSecrets."""
    for name in ("values.yaml", "values-kind.yaml", "values-prod.yaml"):
        assert set(values_file(name)["global"]) <= {"espalier", "networkPolicy"}


@pytest.mark.parametrize("part", PARTS)
def test_every_image_can_be_pinned_by_digest(part):
    objects = render(REGISTRY, {part: {"image": {"digest": DIGEST, "tag": "ignored"}}})

    pinned = {name for name in images(objects) if "@" in name}
    assert len(pinned) == 1
    assert pinned.pop().endswith(f"@{DIGEST}")


def test_pull_secrets_reach_every_pod():
    objects = render(REGISTRY, {"global": {"espalier": {"imagePullSecrets": [{"name": "credentials"}]}}})

    assert of_kind(objects, "CronJob")
    for name, pod in pods(objects):
        assert pod["spec"]["imagePullSecrets"] == [{"name": "credentials"}], name
