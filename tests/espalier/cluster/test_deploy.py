import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from espalier.cli.cluster import app
from espalier.cluster.deploy import check_arguments, deploy
from espalier.cluster.errors import ClusterError

HELM_3, HELM_4 = {"helm version": [0, "v3.18.6"]}, {"helm version": [0, "v4.0.1"]}
PROMOTED = {"spec": {"template": {"metadata": {"annotations": {"espalier.dev/model-version": "3"}}}}}


def get(name, content):
    """What kubectl answers to whether an object is there, and to what it is."""
    return {f"{name} --ignore-not-found": [0, f"{name}\n"], f"get {name} -o json": [0, json.dumps(content)]}


def deployed(kube, values):
    return deploy(kube, "espalier", registry="registry.example.com/team", version="1.2.3", values=[values])


@pytest.fixture
def values(tmp_path):
    return tmp_path / "my values.yaml"


@pytest.mark.parametrize(("helm", "option"), [(HELM_3, "--atomic"), (HELM_4, "--rollback-on-failure")])
def test_upgrade_with_a_model_waits_and_rolls_back_with_helm_3_and_4(tools, kube, values, helm, option):
    tools.answer(helm | get("deployment espalier-api", PROMOTED))

    assert deployed(kube, values) is True

    (arguments,) = [given for name, given, _ in tools.calls if name == "helm" and "upgrade" in given]
    assert arguments[4:] == [
        *("upgrade", "--install", "espalier", "oci://registry.example.com/team/charts/espalier"),
        *("--version", "1.2.3", "--values", str(values), "--wait", option, "--timeout", "15m"),
    ]


def test_verified_chart_is_installed_instead_of_the_registrys(tools, values, tmp_path, monkeypatch):
    chart = tmp_path / "espalier-1.2.3.tgz"
    for file in (chart, values):
        file.touch()
    monkeypatch.setenv("CHART", str(chart))
    tools.answer(HELM_4)

    result = CliRunner().invoke(
        app, ["deploy", "--registry", "r.example.com", "--version", "1.2.3", "--values", str(values)]
    )

    assert result.exit_code == 0, result.output
    (arguments,) = [given for name, given, _ in tools.calls if name == "helm" and "upgrade" in given]
    assert arguments[arguments.index("--install") :][:3] == ["--install", "espalier", str(chart)]
    assert not [word for word in arguments if word.startswith("oci://")]


def test_first_install_does_not_wait_for_the_api(tools, kube, values):
    tools.answer(HELM_4 | {"deployment espalier-mlflow --ignore-not-found": [0, "deployment espalier-mlflow\n"]})

    assert deployed(kube, values) is False

    (command,) = [line for line in tools.lines() if "upgrade --install" in line]
    assert "--wait" not in command and "--rollback-on-failure" not in command
    assert any("rollout status deployment/espalier-mlflow" in line for line in tools.lines())


def test_api_serving_the_champion_counts_as_having_a_model(tools, kube, values):
    serving = {"spec": {"template": {"metadata": {}}}, "status": {"availableReplicas": 2}}
    tools.answer(HELM_4 | get("deployment espalier-api", serving))

    assert deployed(kube, values) is True


@pytest.mark.parametrize("version", ["1.2.3", "0.1.0-rc.1", "2.0.0+build.7"])
def test_semantic_versions_are_accepted(version):
    check_arguments("registry.example.com:5000/team/ml", version, "espalier", "espalier")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("VERSION", value)
            for value in ("1; touch /tmp/x", "1.2", "v1.2.3", "", "1.2.3\n", "$(id)", "01.2.3", "latest")
        ],
        *[("REGISTRY", value) for value in ("", "https://r.example.com", "r.example.com; id", "--registry", "r/../x")],
        *[("NAMESPACE", value) for value in ("", "Espalier", "a b", "-n", "a" * 64)],
    ],
)
def test_malformed_arguments_are_rejected_before_any_command(tools, name, value):
    good = {"REGISTRY": "registry.example.com", "VERSION": "1.2.3", "NAMESPACE": "espalier"} | {name: value}

    with pytest.raises(ClusterError, match=f"{name} is "):
        check_arguments(good["REGISTRY"], good["VERSION"], good["NAMESPACE"], "espalier")
    assert tools.calls == []


def test_kubeconfig_from_the_environment_is_deleted_afterwards(tools, tmp_path, monkeypatch):
    values = tmp_path / "values.yaml"
    values.touch()
    monkeypatch.setenv("KUBECONFIG_CONTENT", "clusters: []")
    tools.answer(HELM_4 | get("deployment espalier-api", PROMOTED))

    result = CliRunner().invoke(
        app, ["deploy", "--registry", "r.example.com", "--version", "1.2.3", "--values", str(values)]
    )

    assert result.exit_code == 0, result.output
    (arguments,) = [given for name, given, _ in tools.calls if name == "helm" and "upgrade" in given]
    kubeconfig = Path(arguments[arguments.index("--kubeconfig") + 1])
    assert not kubeconfig.exists()
