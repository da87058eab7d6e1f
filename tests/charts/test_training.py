"""Training: what its account may do, and that what is applied by hand is what the chart renders."""

import re

import pytest
import yaml

from pipelines.rollout_progress import limit_seconds
from pipelines.settings import Settings
from tests.charts.rendering import EVERYTHING, ROOT, manifests, of_kind, only, render

FIELDS = {f"PIPELINE_{name.upper()}" for name in Settings.model_fields}
FOR_THE_ENTRYPOINT = {"PIPELINE_WORK_DIR"}


def job_of(cron_job):
    return cron_job["spec"]["jobTemplate"]["spec"]


def test_job_to_apply_is_the_chart_s_own(default):
    rendered, applied = job_of(only(default, "CronJob")), manifests()["training-job.yaml"]["spec"]

    assert applied == rendered


def test_seed_job_is_a_training_pod_without_a_token(default):
    rendered, seed = job_of(only(default, "CronJob"))["template"], manifests()["seed-job.yaml"]["spec"]["template"]
    expected = yaml.safe_load(yaml.safe_dump(rendered))
    expected["spec"]["automountServiceAccountToken"] = False
    expected["spec"]["containers"][0]["args"] = ["sh", "-c", "espalier data export && espalier data push"]

    assert seed == expected


def test_role_is_what_it_has_always_been(default):
    """access-to-secrets, access-to-create-pods, wildcard-in-rules, cluster-admin-role-binding."""
    assert not of_kind(default, "ClusterRole") and not of_kind(default, "ClusterRoleBinding")
    assert only(default, "Role")["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": ["espalier-api"],
            "verbs": ["get", "patch"],
        }
    ]
    binding = only(default, "RoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "espalier-training", "namespace": "espalier"}]
    assert binding["roleRef"]["name"] == only(default, "Role")["metadata"]["name"]


def test_policy_holds_the_account_that_runs_training(default):
    policy, binding = only(default, "ValidatingAdmissionPolicy"), only(default, "ValidatingAdmissionPolicyBinding")
    spec = policy["spec"]

    assert spec["failurePolicy"] == "Fail"
    assert "system:serviceaccount:espalier:espalier-training'" in spec["matchConditions"][0]["expression"]
    assert set(spec["matchConstraints"]["resourceRules"][0]["operations"]) == {"CREATE", "UPDATE", "DELETE"}
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny", "Audit"]}


def test_policy_can_be_left_to_the_cluster_s_administrators():
    assert not of_kind(render({"training": {"admissionPolicy": {"enabled": False}}}), "ValidatingAdmissionPolicy")


def test_schedule_is_off_until_asked_for(default, everything):
    assert only(default, "CronJob")["spec"]["suspend"] is True
    assert only(everything, "CronJob")["spec"]["suspend"] is False
    assert only(everything, "CronJob")["spec"]["concurrencyPolicy"] == "Forbid"


def test_names_in_the_environment_are_settings(default):
    names = {name for name in only(default, "ConfigMap", "espalier-training")["data"] if name.startswith("PIPELINE_")}

    assert names <= FIELDS | FOR_THE_ENTRYPOINT


@pytest.mark.parametrize("pods", [2, 10, 200])
def test_run_outlives_its_rollout_however_many_pods_there_are(default, pods):
    seconds = float(only(default, "ConfigMap", "espalier-training")["data"]["PIPELINE_ROLLOUT_SECONDS_PER_POD"])
    deployment = only(default, "Deployment", "espalier-api")
    limit = limit_seconds({"spec": {**deployment["spec"], "replicas": pods}}, seconds)

    assert limit > deployment["spec"]["progressDeadlineSeconds"], "Kubernetes gives up first"
    assert limit < job_of(only(default, "CronJob"))["activeDeadlineSeconds"] / 2


def test_model_without_a_proof_is_promoted_only_where_it_is_asked_for(default):
    def given(objects):
        return only(objects, "ConfigMap", "espalier-training")["data"]["PIPELINE_ROLLOUT_WITHOUT_PODS"]

    assert given(default) == "false"
    assert given(render({"training": {"rollout": {"withoutPods": True}}})) == "true"


def test_data_can_change_without_an_image(default):
    def given(objects):
        return only(objects, "ConfigMap", "espalier-training-data")["data"] or {}

    assert given(default) == {}
    assert given(render(EVERYTHING)) == {
        "data.dvc": "outs: []",
        "params.yaml": "fetch: {}",
        "schema.yaml": "features: []",
    }
    entrypoint = (ROOT / "pipelines/entrypoint").read_text()
    assert set(re.findall(r"(data\.dvc|params\.yaml|schema\.yaml)", entrypoint)) == set(given(render(EVERYTHING)))


def test_exit_codes_that_end_a_run_are_those_that_another_try_cannot_change(default):
    from pipelines import errors

    codes = {name: getattr(errors, name).exit_code for name in errors.__all__}
    (rule,) = (one for one in job_of(only(default, "CronJob"))["podFailurePolicy"]["rules"] if "onExitCodes" in one)

    tried_again = {name for name, code in codes.items() if code not in rule["onExitCodes"]["values"]}
    assert tried_again == {"PipelineError", "Unreachable", "RegistryFailure", "PromotionLocked"}
