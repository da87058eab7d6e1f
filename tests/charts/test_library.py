"""The library chart has every shared template, and each part needs nothing beside it."""

import re
import shutil

import helm_python
import pytest
import yaml

from charts import generate
from tests.charts.rendering import CHART, SECRETS, merged, render, values_file

LIBRARY = CHART / "charts/common"
PARTS = [chart for chart in generate.charts() if chart != CHART]
BY_NAME = {"ids": lambda part: part.name}


def defined(folder):
    return set(re.findall(r'define "([^"]+)"', "".join(path.read_text() for path in folder.rglob("templates/*.tpl"))))


def included(folder):
    files = [path for path in (folder / "templates").rglob("*") if path.is_file()] + [*folder.glob("values.yaml")]
    return set(re.findall(r'include "([^"]+)"', "".join(path.read_text() for path in files)))


def test_library_renders_nothing_and_has_no_values():
    assert yaml.safe_load((LIBRARY / "Chart.yaml").read_text())["type"] == "library"
    assert not (LIBRARY / "values.yaml").exists()
    assert all(path.name.startswith("_") for path in (LIBRARY / "templates").iterdir())


@pytest.mark.parametrize("part", PARTS, **BY_NAME)
def test_part_includes_only_own_and_library_templates(part):
    assert included(part)
    assert included(part) - defined(part) - defined(LIBRARY) == set()


def test_every_template_of_the_library_is_used():
    assert defined(LIBRARY) - set().union(*map(included, [*PARTS, LIBRARY])) == set()


@pytest.fixture(scope="module")
def release():
    values = merged(SECRETS, {"scoring": {"enabled": True}})
    return helm_python.Chart.load(CHART).render(values, name="espalier", namespace="espalier")


@pytest.mark.parametrize("part", PARTS, **BY_NAME)
def test_part_renders_alone_as_it_does_in_the_release(part, release, tmp_path):
    copy = shutil.copytree(part, tmp_path / part.name)
    shutil.copytree(LIBRARY, copy / "charts/common")
    values = merged({"global": values_file("values.yaml")["global"]}, SECRETS)

    alone = helm_python.Chart.load(copy).render(
        {"global": values["global"]} | values.get(part.name, {}), name="espalier", namespace="espalier"
    )

    prefix = f"espalier/charts/{part.name}/"
    in_release = {path.removeprefix("espalier/charts/"): text for path, text in release.items() if prefix in path}
    assert alone == in_release


@pytest.mark.parametrize("key", ["image", "anything"])
def test_values_of_the_library_are_refused(key):
    with pytest.raises(helm_python.HelmError, match=f"additional properties '{key}' not allowed"):
        render({"common": {key: 1}})
