from espalier.cluster.images import DOCKERFILES, build, image_names, load
from espalier.cluster.release import app_version
from tests.charts.rendering import ROOT, containers, manifests, pods, render


def used(objects):
    return {container["image"] for _name, pod in pods(objects) for container in containers(pod)}


def test_chart_and_manifests_use_the_images_that_are_built():
    built = set(image_names("", app_version()).values())
    asked = used(render()) | used(manifests().values())

    assert {name for name in asked if name.startswith("espalier/")} == built


def test_registry_prefix_matches_the_chart():
    built = set(image_names("registry.example.com", app_version()).values())

    assert built <= used(render({"global": {"espalier": {"imageRegistry": "registry.example.com"}}}))


def test_every_image_has_its_dockerfile():
    assert all((ROOT / path).is_file() for path in DOCKERFILES.values())


def test_image_is_built_with_its_commit(tools):
    build("api", "espalier/api:1", commit="abc")

    assert tools.lines() == [
        "docker build --quiet --file services/api/Dockerfile --build-arg COMMIT=abc --tag espalier/api:1 ."
    ]


def test_images_are_loaded_in_one_command(tools):
    tools.answer({"get nodes": (0, "c-control-plane\n")})

    load(["a:1", "b:1"], cluster="c")

    assert tools.lines()[-1] == "kind load docker-image --name c a:1 b:1"


def test_images_are_loaded_to_workers_only(tools):
    tools.answer({"get nodes": (0, "c-worker2\nc-control-plane\nc-worker\n")})

    load(["a:1", "b:1"], cluster="c")

    assert tools.lines()[-1] == "kind load docker-image --name c --nodes c-worker,c-worker2 a:1 b:1"
