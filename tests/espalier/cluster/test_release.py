import json

import pytest

from espalier.cluster import release
from tests.charts.rendering import ROOT, only, render

API_SERVER = {
    "get service kubernetes": (0, json.dumps({"spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 443}]}})),
    "get endpointslices": (0, json.dumps({"items": []})),
}


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_namespace_accepts_restricted_pods_only(tools, kube):
    release.create_namespace(kube)

    (_name, _arguments, given), *_ = tools.calls
    assert '"name": "here"' in given and '"pod-security.kubernetes.io/enforce": "restricted"' in given


def test_install_uses_helm_upgrade_install_with_kind_values(tools, kube):
    tools.answer(API_SERVER)

    release.install(kube, "mine", settings=["api.tests.existingSecret=smoke"])

    assert [line for line in tools.lines() if "upgrade" in line] == [
        "helm --namespace here --kube-context there upgrade --install mine charts/espalier "
        "--values charts/espalier/values-kind.yaml --set-json training.networkPolicy.kubernetesApi="
        '{"to": [{"ipBlock": {"cidr": "10.96.0.1/32"}}], "ports": [443]} --set api.tests.existingSecret=smoke'
    ]


@pytest.mark.parametrize("step", ["", "seed", "rollback"])
def test_jobs_are_created_from_the_cron_jobs(tools, kube, step):
    name = f"espalier-training-{step}".rstrip("-")
    cron_job = only(render(), "CronJob", name)
    tools.answer({f"get cronjob {name} ": (0, json.dumps(cron_job))})

    job = release.job(kube, "espalier", step)

    assert job["metadata"]["name"] == name
    assert job["spec"] == cron_job["spec"]["jobTemplate"]["spec"]


def test_job_replaces_a_finished_one(tools, kube):
    done = '{"status": {"conditions": [{"type": "Complete", "status": "True"}]}}'
    tools.answer({"get job": (0, done)})
    release.run_job(kube, {"metadata": {"name": "training"}}, seconds=30)

    verbs = [next(verb for verb in ("delete", "apply", "get", "logs") if verb in line) for line in tools.lines()]
    assert verbs[:3] == ["delete", "apply", "get"]


def test_password_is_not_a_command_line_argument(tools, kube):
    release.create_user(kube, "mine", "ana", "seven slow herons")

    (_name, arguments, given), *_ = tools.calls
    assert given == "seven slow herons\n"
    assert "herons" not in " ".join(arguments)
