"""Batch scoring: what its pods may do, what they are given, and the manifest equal to the chart."""

import helm_python
import pytest

from tests.charts.rendering import ROOT, containers, manifests, of_kind, only, render
from tests.charts.test_extras import EXTRAS
from tests.charts.test_training import FIELDS, FOR_THE_ENTRYPOINT, notes

ON = {"scoring": {"enabled": True}}


def scoring(**values):
    return render({"scoring": {"enabled": True, **values}})


def job_of(objects):
    return only(objects, "CronJob", "espalier-scoring")["spec"]["jobTemplate"]["spec"]


def container_of(objects):
    (container,) = containers(job_of(objects)["template"])
    return container


def settings_of(objects):
    return only(objects, "ConfigMap", "espalier-scoring")["data"]


def test_off_by_default(default):
    assert not [one for one in default if one["metadata"]["name"].startswith("espalier-scoring")]


def test_suspended_until_a_schedule_is_enabled():
    assert only(scoring(), "CronJob", "espalier-scoring")["spec"]["suspend"] is True
    assert only(scoring(schedule={"enabled": True}), "CronJob", "espalier-scoring")["spec"]["suspend"] is False


def test_manifest_equals_the_chart_s_job():
    assert manifests()["scoring-job.yaml"]["spec"] == job_of(scoring())
    assert "--from=cronjob/espalier-scoring " in (ROOT / "manifests/scoring-job.yaml").read_text()


def test_command_line_accepts_the_arguments():
    from typer.main import get_command

    from espalier.cli.main import app

    program, command, *arguments = container_of(scoring(keep=["flight", "day of week"]))["args"]
    score = get_command(app).commands[command]
    values, rest, _ = score.make_parser(score.context_class(score)).parse_args(list(arguments))

    assert (program, rest) == ("espalier", [])
    assert values["source"] == "s3://data/to-score"
    assert values["target"] == "s3://data/scored/$(JOB_NAME)", (
        "every run has an output of its own, also when it is retried"
    )
    assert values["keep"] == ["flight", "day of week"]
    assert values["shard"] == "$(JOB_COMPLETION_INDEX)/1"


def test_pods_share_the_files():
    job = job_of(scoring(job={"pods": 4}))

    assert (job["completionMode"], job["completions"], job["parallelism"]) == ("Indexed", 4, 4)
    assert "--shard=$(JOB_COMPLETION_INDEX)/4" in container_of(scoring(job={"pods": 4}))["args"]


def test_variables_are_settings_and_paths_are_mounted():
    objects = scoring()
    mounted = [mount["mountPath"] for mount in container_of(objects)["volumeMounts"]]

    assert {name for name in settings_of(objects) if name.startswith("PIPELINE_")} <= FIELDS | FOR_THE_ENTRYPOINT
    for name, value in settings_of(objects).items():
        if name.endswith(("_FILE", "_FILES")):
            assert any(value.startswith(f"{path}/") for path in mounted), name


def test_pods_have_no_rights_no_token_and_no_signing_key():
    objects = scoring()
    pod = job_of(objects)["template"]["spec"]

    assert pod["serviceAccountName"] == "espalier-scoring" and pod["automountServiceAccountToken"] is False
    assert only(objects, "ServiceAccount", "espalier-scoring")["automountServiceAccountToken"] is False
    assert "espalier-scoring" not in str([one["subjects"] for one in of_kind(objects, "RoleBinding")])
    (secret,) = (one["secret"] for one in pod["volumes"] if one["name"] == "s3-credentials")
    assert secret["items"] == [{"key": "s3-credentials", "path": "s3-credentials"}], "nothing else of training's Secret"
    assert "SIGNING" not in str(settings_of(objects)) and "token" not in str(pod["volumes"])


def test_workload_identity_needs_no_secret():
    objects = scoring(existingSecret="", storage={"workloadIdentity": True})

    assert "s3-credentials" not in [one["name"] for one in job_of(objects)["template"]["spec"]["volumes"]]
    assert not [name for name in settings_of(objects) if "CREDENTIALS" in name]


def test_missing_secret_is_named():
    with pytest.raises(helm_python.HelmError, match=r"scoring\.existingSecret is not set"):
        scoring(existingSecret="")


def test_egress_to_mlflow_and_s3_alone():
    egress = only(scoring(), "NetworkPolicy", "espalier-scoring")["spec"]["egress"]

    assert [sorted({port["port"] for port in rule["ports"]}) for rule in egress] == [[53], [5000], [7070]]
    assert all(rule["to"] for rule in egress)


@pytest.mark.parametrize(("part", "port"), [("mlflow", 5000), ("object-store", 7070)])
def test_mlflow_and_s3_let_the_pods_in(part, port):
    ingress = only(scoring(), "NetworkPolicy", f"espalier-{part}")["spec"]["ingress"]
    labels = job_of(scoring())["template"]["metadata"]["labels"]

    (rule,) = (rule for rule in ingress if port in [one["port"] for one in rule["ports"]])
    assert any(peer["podSelector"]["matchLabels"].items() <= labels.items() for peer in rule["from"])


@pytest.mark.parametrize(
    "values",
    [
        {"input": "data/to-score"},
        {"output": "s3://data"},
        {"model": {"version": "newest"}},
        {"invalidRows": "skip"},
        {"job": {"pods": 0}},
        {"networkPolicy": {"mlflow": {"to": []}}},
        {"columns": ["flight"]},
    ],
)
def test_wrong_values_are_refused(values):
    with pytest.raises(helm_python.HelmError):
        scoring(**values)


def test_permanent_exit_codes_fail_the_job():
    from pipelines import errors

    ignored, failed = job_of(scoring())["podFailurePolicy"]["rules"]
    of_training = ("NotComparable", "ClusterLost")
    codes = {name: getattr(errors, name).exit_code for name in errors.__all__ if name not in of_training}

    assert ignored["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    tried_again = {name for name, code in codes.items() if code not in failed["onExitCodes"]["values"]}
    assert tried_again == {"PipelineError", "Unreachable", "RegistryFailure", "PromotionLocked", "DiskFull"}


def test_pods_get_the_user_s_extras():
    plain, pod = (job_of(scoring(**extras))["template"] for extras in ({}, EXTRAS))
    (before,), (after,) = containers(plain), containers(pod)

    assert pod["metadata"]["labels"] == plain["metadata"]["labels"] | {"cost-center": "7"}
    assert pod["spec"]["volumes"] == [*plain["spec"]["volumes"], *EXTRAS["extraVolumes"]]
    assert after["env"] == [*before["env"], {"name": "TEAM", "value": "espalier-team"}]
    assert after["volumeMounts"] == [*before["volumeMounts"], *EXTRAS["extraVolumeMounts"]]


def test_names_fit_the_longest_release_name():
    (found,) = (
        one for one in of_kind(render(ON, name="r" * 40), "CronJob") if one["metadata"]["name"].endswith("-scoring")
    )

    assert len(found["metadata"]["name"]) <= 52


def test_notes_say_how_to_start_a_run():
    assert "--from=cronjob/espalier-scoring espalier-scoring-1" in notes(ON)
    assert "s3://data/scored/espalier-scoring-1" in notes(ON)
    assert "scoring" not in notes()
