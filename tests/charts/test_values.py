"""Values are an interface: closed, described, and all shipped values files are valid."""

import json
import shutil

import helm_python
import jsonschema
import pytest
import yaml

from charts import generate
from tests.charts.rendering import CHART, SECRETS, VARIANTS, merged, render

CHARTS = generate.charts()
OPEN = {
    "api",
    "mlflow",
    "training",
    "scoring",
    "postgresql",
    "object-store",
    "kube-prometheus-stack",
    "observability",
    "affinity",
    "global",
}
"""Checked elsewhere: subcharts by their own schemas, others by Kubernetes."""

KNOWN = ("icon is recommended", "missing these dependencies: kube-prometheus-stack")
"""The chart is fetched before an installation, but not for these tests."""


def schema_of(chart):
    return json.loads((chart / "values.schema.json").read_text())


def objects_in(schema, path=""):
    for name, value in schema.get("properties", {}).items():
        yield f"{path}{name}", name, value
        yield from objects_in(value, f"{path}{name}.")


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_schema_is_closed_and_describes_every_key(chart):
    schema = schema_of(chart)
    assert schema["additionalProperties"] is False

    for path, name, value in objects_in(schema):
        assert value.get("description"), path
        assert "type" in value, path
        if value["type"] == "object" and name not in OPEN and not path.startswith("kube-prometheus-stack"):
            assert value.get("additionalProperties") not in (None, True), path


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_schema_and_readme_are_up_to_date(chart):
    for path, content in generate.generated(chart).items():
        assert path.read_text() == content, "run: python charts/generate.py"


def small_chart(tmp_path, values):
    (tmp_path / "Chart.yaml").write_text("dependencies: []\n")
    (tmp_path / "values.yaml").write_text(values)
    (tmp_path / "README.md").write_text("# small\n\n<!-- values: here -->\nold\n<!-- end of values -->\n\nMore.\n")
    files = {path.name: text for path, text in generate.generated(tmp_path).items()}
    return json.loads(files["values.schema.json"])["properties"], files["README.md"]


def test_description_and_bounds_come_from_the_comment(tmp_path):
    properties, readme = small_chart(
        tmp_path, "# schema: {minimum: 1, maximum: 9}\n# -- Pods\n# of the API.\npods: 2\n\n# -- Empty.\nmore: {}\n"
    )

    assert properties["pods"] == {
        "description": "Pods of the API.",
        "type": "integer",
        "default": 2,
        "minimum": 1,
        "maximum": 9,
    }
    assert readme.startswith("# small\n\n<!-- values: here -->\n| value | default | meaning |\n")
    assert "| `pods` | `2` | Pods of the API. From 1 to 9. |\n" in readme
    assert readme.endswith("<!-- end of values -->\n\nMore.\n") and "old" not in readme


@pytest.mark.parametrize("comment", ["", "# Pods.\n", "# -- Pods.\n\n", "# -- Pods.\nother: 1 # -- Others.\n"])
def test_key_without_a_description_is_refused(tmp_path, comment):
    with pytest.raises(generate.Undescribed, match="pods"):
        small_chart(tmp_path, f"{comment}pods: 2\n")


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_default_values_follow_the_schema(chart):
    jsonschema.validate(yaml.safe_load((chart / "values.yaml").read_text()), schema_of(chart))


@pytest.mark.parametrize("variant", VARIANTS)
def test_lint_finds_nothing(variant):
    report = helm_python.lint(CHART, merged(SECRETS, *VARIANTS[variant]), strict=True, namespace="espalier")

    found = [*report["errors"], *(message["error"] for message in report["messages"])]
    assert [one for one in found if not any(known in one for known in KNOWN)] == []


@pytest.mark.parametrize(
    "wrong",
    [{"apii": {}}, {"api": {"replicas": 3}}, {"mlflow": {"artifacts": {"bucket": "b"}}}, {"global": {"registry": "r"}}],
)
def test_unknown_key_is_refused(wrong):
    with pytest.raises(helm_python.HelmError, match=r"additional propert|additionalProperties"):
        render(wrong)


def test_values_cannot_set_the_model_version_annotation():
    with pytest.raises(helm_python.HelmError):
        render({"api": {"podAnnotations": {"espalier.dev/model-version": "3"}}})


def test_renamed_key_is_refused_with_its_new_name(tmp_path):
    copy = shutil.copytree(CHART, tmp_path / "espalier")
    (copy / "files/renamed.yaml").write_text("global.registry: global.espalier.imageRegistry\n")
    schema = schema_of(copy)
    schema["properties"]["global"]["properties"]["registry"] = {"type": "string"}
    (copy / "values.schema.json").write_text(json.dumps(schema))
    values = merged(SECRETS, {"global": {"registry": "old.example.com"}})

    with pytest.raises(helm_python.HelmError, match=r"global\.registry is now called global\.espalier\.imageRegistry"):
        helm_python.Chart.load(copy).render(values, name="espalier", namespace="espalier")


@pytest.mark.parametrize("key", ["imageRegistry", "imagePullSecrets"])
def test_global_of_the_monitoring_stack_is_refused_with_our_key(key):
    value = "registry.example.com" if key == "imageRegistry" else [{"name": "credentials"}]

    with pytest.raises(helm_python.HelmError, match=rf"global\.{key} is now called global\.espalier\.{key}"):
        render({"global": {key: value}})


def test_long_release_name_is_refused():
    with pytest.raises(helm_python.HelmError, match="longer than 40"):
        render(name="e" * 41)
