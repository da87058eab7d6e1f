"""Training: mounts and variables of each container, permissions of the account, and manifests equal to the chart."""

import re
from ipaddress import ip_address, ip_network

import helm_python
import pytest

from pipelines.config.settings import Settings
from pipelines.promotion.rollout_progress import limit_seconds
from tests.charts.rendering import (
    EVERYTHING,
    ROOT,
    SECRETS,
    VARIANTS,
    containers,
    manifests,
    merged,
    of_kind,
    only,
    render,
)
from tests.charts.test_extras import EXTRAS

FIELDS = {f"PIPELINE_{name.upper()}" for name in Settings.model_fields}
FOR_THE_ENTRYPOINT = {"PIPELINE_WORK_DIR"}
STEPS = {
    "training-job.yaml": "espalier-training",
    "rollback-job.yaml": "espalier-training-rollback",
    "seed-job.yaml": "espalier-training-seed",
}
LONGEST_NAME = "r" * 40


def job_of(objects, name="espalier-training"):
    return only(objects, "CronJob", name)["spec"]["jobTemplate"]["spec"]


def pod_of(objects, name="espalier-training"):
    return job_of(objects, name)["template"]


def container_of(objects, container, name="espalier-training"):
    (found,) = (one for one in containers(pod_of(objects, name)) if one["name"] == container)
    return found


def environment(objects, container):
    """Variables of a container: from its ConfigMaps in order, then from `env`."""
    found = {}
    for source in container["envFrom"]:
        found |= only(objects, "ConfigMap", source["configMapRef"]["name"])["data"]
    return found | {one["name"]: one.get("value", "") for one in container.get("env", [])}


@pytest.fixture(params=VARIANTS)
def release(request):
    return render(*VARIANTS[request.param])


# --- the two containers ---------------------------------------------------------------------------------------------


def test_training_completes_before_the_gate_starts(default):
    spec = pod_of(default)["spec"]

    assert [one["args"] for one in spec["initContainers"]] == [["espalier", "train", "--until", "evaluate"]]
    assert [one["args"] for one in spec["containers"]] == [["espalier", "gate", "--from", "/run/handover"]]
    assert spec["restartPolicy"] == "Never"


def test_gate_mounts_only_data_files_of_training_read_only(release):
    """The gate gets neither code nor a writable folder: of the shared volume it mounts one subfolder, read-only."""
    training, gate = (container_of(release, name)["volumeMounts"] for name in ("training", "gate"))
    writable = {mount["name"] for mount in training if not mount.get("readOnly")}

    shared = [mount for mount in gate if mount["name"] in writable]
    assert shared == [{"name": "work", "mountPath": "/run/handover", "subPath": "pipelines/work", "readOnly": True}]
    assert environment(release, container_of(release, "gate"))["PIPELINE_WORK_DIR"] == "/work"
    assert {mount["name"] for mount in gate if not mount.get("readOnly")} == {"gate-work", "gate-tmp"}


def test_no_container_has_keys_and_data_credentials(release):
    training, gate = (environment(release, container_of(release, name)) for name in ("training", "gate"))
    mounts = {
        name: {one["name"] for one in container_of(release, name)["volumeMounts"]} for name in ("training", "gate")
    }

    assert {"signing-key", "token"} <= mounts["gate"] and not {"signing-key", "token"} & mounts["training"]
    assert "s3-credentials" in mounts["training"] and "s3-credentials" not in mounts["gate"]
    assert not [name for name in gate if name.startswith("AWS_") or "REMOTE" in name or "S3" in name]
    assert not [name for name in training if "SIGNING" in name or "PUBLIC" in name]


def test_nothing_is_saved_on_a_volume_that_ends_with_its_pod(default):
    """A new pod has a new emptyDir, and a container is never started again in the same pod (restartPolicy Never)."""
    variables = environment(default, container_of(default, "training"))

    assert variables["PIPELINE_CHECKPOINT_SECONDS"] == "0"
    assert "PIPELINE_CHECKPOINT_FOLDER" not in variables
    assert not of_kind(default, "PersistentVolumeClaim")
    assert not [one for one in pod_of(default)["spec"]["volumes"] if "persistentVolumeClaim" in one]


def test_checkpoints_are_on_a_claim_of_their_own():
    values = {"enabled": True, "seconds": 300, "size": "5Gi", "storageClassName": "fast"}
    objects = render({"training": {"checkpoints": values}})
    claim, training = only(objects, "PersistentVolumeClaim"), container_of(objects, "training")
    variables = environment(objects, training)
    of_claim = {"claimName": claim["metadata"]["name"]}
    (volume,) = (one for one in pod_of(objects)["spec"]["volumes"] if one.get("persistentVolumeClaim") == of_claim)

    assert claim["spec"] == {
        "accessModes": ["ReadWriteOncePod"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "5Gi"}},
    }
    assert {"name": volume["name"], "mountPath": variables["PIPELINE_CHECKPOINT_FOLDER"]} in training["volumeMounts"]
    assert variables["PIPELINE_CHECKPOINT_SECONDS"] == "300"
    for container in ("gate", "seed", "rollback"):
        step = {"gate": "espalier-training"}.get(container, f"espalier-training-{container}")
        assert volume["name"] not in [one["name"] for one in container_of(objects, container, step)["volumeMounts"]]
    assert volume not in pod_of(objects, "espalier-training-seed")["spec"]["volumes"]


def test_checkpoints_on_a_claim_that_exists():
    objects = render({"training": {"checkpoints": {"enabled": True, "existingClaim": "mine"}}})

    assert not of_kind(objects, "PersistentVolumeClaim")
    assert {"name": "checkpoints", "persistentVolumeClaim": {"claimName": "mine"}} in pod_of(objects)["spec"]["volumes"]


def test_checkpoints_keep_the_variables_of_the_data_remote():
    more = {"remote": {"extraEnv": [{"name": "AWS_X", "value": "1"}]}, "checkpoints": {"enabled": True}}
    objects = render({"training": more})

    variables = environment(objects, container_of(objects, "training"))
    assert variables["AWS_X"] == "1" and variables["PIPELINE_CHECKPOINT_FOLDER"] == "/checkpoints"


def test_workload_identity_skips_the_gate():
    objects = render(
        {"training": {"remote": {"workloadIdentity": True, "extraEnv": [{"name": "AWS_X", "value": "1"}]}}}
    )
    pod = pod_of(objects)

    assert pod["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"] == "gate,rollback"
    assert "s3-credentials" not in [volume["name"] for volume in pod["spec"]["volumes"]]
    assert environment(objects, container_of(objects, "training"))["AWS_X"] == "1"
    assert not [name for name in environment(objects, container_of(objects, "gate")) if name.startswith("AWS_")]


def test_variables_are_settings(release):
    for cron_job in of_kind(release, "CronJob"):
        for container in containers(cron_job["spec"]["jobTemplate"]["spec"]["template"]):
            names = {name for name in environment(release, container) if name.startswith("PIPELINE_")}
            assert names <= FIELDS | FOR_THE_ENTRYPOINT


def test_paths_in_the_environment_are_mounted(default):
    for name in ("training", "gate"):
        container = container_of(default, name)
        mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
        for key, value in environment(default, container).items():
            if key.endswith(("_FILE", "_FILES")):
                assert any(value.startswith(f"{path}/") for path in mounted), key


# --- Jobs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", STEPS)
def test_manifest_equals_the_chart_s_job(default, file):
    assert manifests()[file]["spec"] == job_of(default, STEPS[file])
    assert f"--from=cronjob/{STEPS[file]} " in (ROOT / "manifests" / file).read_text()


def test_only_training_is_scheduled(default, everything):
    assert {one["metadata"]["name"] for one in of_kind(everything, "CronJob") if not one["spec"]["suspend"]} == {
        "espalier-training"
    }
    assert all(one["spec"]["suspend"] for one in of_kind(default, "CronJob"))


def test_delayed_run_starts_within_an_hour(release):
    """The controller checks every ten seconds, or later under load. TrainingOverdue waits for this hour."""
    for one in of_kind(release, "CronJob"):
        assert one["spec"]["startingDeadlineSeconds"] == 3600
        assert one["spec"]["concurrencyPolicy"] == "Forbid"


def test_cron_job_names_fit_the_longest_release_name(default):
    """At most 52 characters, because the controller adds eleven for the name of a Job."""
    objects = render(name=LONGEST_NAME)
    names = [one["metadata"]["name"] for one in of_kind(objects, "CronJob")]

    assert len(set(names)) == 3
    assert all(len(name) <= 52 and re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) for name in names)


def test_drained_node_does_not_fail_a_job(default):
    for name in STEPS.values():
        rules = job_of(default, name)["podFailurePolicy"]["rules"]
        assert rules[0] == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


@pytest.mark.parametrize("name", STEPS.values())
def test_permanent_exit_codes_fail_the_job(default, name):
    from pipelines import errors

    of_other_commands = {"OutputConflict", "NotComparable"}  # score, models diff
    codes = {name: getattr(errors, name).exit_code for name in errors.__all__ if name not in of_other_commands}
    found = [one for one in job_of(default, name)["podFailurePolicy"]["rules"] if "onExitCodes" in one]
    rules = [one["onExitCodes"] for one in found]

    assert {(one["action"], one["onExitCodes"]["operator"]) for one in found} == {("FailJob", "In")}
    assert {rule["containerName"] for rule in rules} == {one["name"] for one in containers(pod_of(default, name))}
    for rule in rules:
        tried_again = {name for name, code in codes.items() if code not in rule["values"]}
        assert tried_again == {
            "PipelineError",
            "Unreachable",
            "RegistryFailure",
            "PromotionLocked",
            "DiskFull",
            "ClusterLost",
        }


def test_training_that_waits_an_hour_for_the_lock_is_tried_again(default):
    variables = environment(default, container_of(default, "gate"))
    job = job_of(default)

    assert "PIPELINE_LOCK_WAIT_SECONDS" not in variables
    assert Settings.model_fields["lock_wait_seconds"].default == 3600 < job["activeDeadlineSeconds"]
    assert job["backoffLimit"] > 0


@pytest.mark.parametrize("pods", [2, 10, 200])
def test_job_deadline_covers_the_rollout(default, pods):
    seconds = float(environment(default, container_of(default, "gate"))["PIPELINE_ROLLOUT_SECONDS_PER_POD"])
    deployment = only(default, "Deployment", "espalier-api")
    limit = limit_seconds({"spec": {**deployment["spec"], "replicas": pods}}, seconds)

    assert limit > deployment["spec"]["progressDeadlineSeconds"], "Kubernetes gives up first"
    assert limit < job_of(default)["activeDeadlineSeconds"] / 2


def test_promotion_without_pods_is_off_by_default(default):
    def given(objects):
        return environment(objects, container_of(objects, "gate"))["PIPELINE_ROLLOUT_WITHOUT_PODS"]

    assert given(default) == "false"
    assert given(render({"training": {"rollout": {"withoutPods": True}}})) == "true"


def test_rollback_signs_nothing_and_reads_no_data(default):
    rollback = container_of(default, "rollback", "espalier-training-rollback")

    assert {mount["name"] for mount in rollback["volumeMounts"]} == {
        "model-keys",
        "token",
        "gate-work",
        "gate-tmp",
        "data",
    }


def test_seed_reads_and_writes_data_and_nothing_else(default):
    seed = container_of(default, "seed", "espalier-training-seed")

    assert seed["args"] == ["sh", "-c", "espalier data export && espalier data push"]
    assert {mount["name"] for mount in seed["volumeMounts"]} == {"s3-credentials", "work", "tmp", "data"}


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


# --- rights ---------------------------------------------------------------------------------------------------------


def test_role_has_exactly_these_rules(default):
    """access-to-secrets, access-to-create-pods, wildcard-in-rules, cluster-admin-role-binding."""
    assert not of_kind(default, "ClusterRole") and not of_kind(default, "ClusterRoleBinding")
    assert only(default, "Role")["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": ["espalier-api"],
            "verbs": ["get", "patch"],
        },
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["espalier-training-promotion"],
            "verbs": ["get", "update", "patch"],
        },
    ]
    binding = only(default, "RoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "espalier-training", "namespace": "espalier"}]
    assert binding["roleRef"]["name"] == only(default, "Role")["metadata"]["name"]


def test_lease_has_no_spec_and_runs_know_its_name(default):
    lease = only(default, "Lease")

    assert "spec" not in lease, "an upgrade would reset the holder"
    assert environment(default, container_of(default, "gate"))["PIPELINE_LEASE"] == lease["metadata"]["name"]


def test_admission_policy_name_is_unique_in_the_cluster():
    releases = [("b", "c-a"), ("a-b", "c"), ("b", "c"), ("b-espalier-training", "c")]
    names = [
        only(render(name=name, namespace=namespace), kind)["metadata"]["name"]
        for name, namespace in releases
        for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    ]

    assert len(set(names)) == len(releases), "a policy and its binding share theirs"
    assert max(map(len, names)) <= 253


def test_admission_policy_applies_to_training_s_account(default):
    policy, binding = only(default, "ValidatingAdmissionPolicy"), only(default, "ValidatingAdmissionPolicyBinding")
    spec = policy["spec"]

    assert spec["failurePolicy"] == "Fail"
    assert "system:serviceaccount:espalier:espalier-training'" in spec["matchConditions"][0]["expression"]
    assert set(spec["matchConstraints"]["resourceRules"][0]["operations"]) == {"CREATE", "UPDATE", "DELETE"}
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny", "Audit"]}


def test_permissions_follow_another_service_account():
    objects = render({"training": {"serviceAccount": {"create": False, "name": "theirs"}}})

    assert not of_kind(objects, "ServiceAccount", "espalier-training")
    assert only(objects, "RoleBinding")["subjects"][0]["name"] == "theirs"
    condition = only(objects, "ValidatingAdmissionPolicy")["spec"]["matchConditions"][0]["expression"]
    assert "system:serviceaccount:espalier:theirs'" in condition
    assert {pod_of(objects, name)["spec"]["serviceAccountName"] for name in STEPS.values()} == {"theirs"}


def test_admission_policy_can_be_disabled():
    assert not of_kind(render({"training": {"admissionPolicy": {"enabled": False}}}), "ValidatingAdmissionPolicy")


def test_without_a_rollout_training_has_no_permissions():
    objects = render({"training": {"rollout": {"kind": "none"}}})

    for kind in ("Role", "RoleBinding", "Lease", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"):
        assert not of_kind(objects, kind), kind
    assert environment(objects, container_of(objects, "gate"))["PIPELINE_ROLLOUT"] == "none"
    assert "token" not in [volume["name"] for volume in pod_of(objects)["spec"]["volumes"]]
    assert not [rule for rule in egress(objects) if 443 in ports(rule)]


# --- network --------------------------------------------------------------------------------------------------------


def egress(objects):
    return only(objects, "NetworkPolicy", "espalier-training")["spec"]["egress"]


def ports(rule):
    return {one["port"] for one in rule["ports"]}


def test_runs_have_no_egress_to_the_internet(release):
    """Every rule names peers, and no address block is public unless the values set one."""
    for rule in egress(release):
        assert rule["to"], rule
        for peer in rule["to"]:
            for block in [peer["ipBlock"]] if "ipBlock" in peer else []:
                assert ip_network(block["cidr"]).is_private or ip_network(block["cidr"]).subnet_of(
                    ip_network("100.64.0.0/10")
                ), block


def test_runs_have_four_egress_rules(default):
    found = [(sorted(ports(rule)), sorted({next(iter(peer)) for peer in rule["to"]})) for rule in egress(default)]

    assert found == [
        ([53], ["namespaceSelector"]),
        ([5000], ["podSelector"]),
        ([7070], ["podSelector"]),
        ([443, 6443], ["ipBlock"]),
    ]


def test_api_server_addresses_can_be_set():
    peers = {"to": [{"ipBlock": {"cidr": "172.18.0.2/32"}}], "ports": [6443]}
    objects = render({"training": {"networkPolicy": {"kubernetesApi": peers}}})

    (rule,) = (rule for rule in egress(objects) if 6443 in ports(rule))
    assert rule == {"to": peers["to"], "ports": [{"protocol": "TCP", "port": 6443}]}
    assert ip_address("172.18.0.2") in ip_network(rule["to"][0]["ipBlock"]["cidr"])


@pytest.mark.parametrize("peer", ["mlflow", "objectStore", "kubernetesApi"])
def test_empty_peers_are_refused(peer):
    with pytest.raises(helm_python.HelmError, match=rf"(?i){peer}/to.*minItems"):
        render({"training": {"networkPolicy": {peer: {"to": []}}}})


# --- the user's extras -----------------------------------------------------------------------------------------------

OURS = EXTRAS | {"priorityClassName": "low", "nodeSelector": {"pool": "batch"}}


@pytest.mark.parametrize("name", STEPS.values())
def test_runs_get_the_user_s_extras(default, name):
    plain, pod = pod_of(default, name), pod_of(render({"training": OURS}), name)

    assert pod["metadata"]["labels"] == plain["metadata"]["labels"] | {"cost-center": "7"}
    assert pod["metadata"]["annotations"] == {"example.com/scrape": "no"}
    assert pod["spec"]["volumes"] == [*plain["spec"]["volumes"], *OURS["extraVolumes"]]
    assert [pod["spec"][key] for key in ("runtimeClassName", "priorityClassName", "nodeSelector")] == [
        "gvisor",
        "low",
        {"pool": "batch"},
    ]
    for before, after in zip(containers(plain), containers(pod), strict=True):
        assert after["env"] == [*before.get("env", []), {"name": "TEAM", "value": "espalier-team"}]
        assert after["envFrom"] == [*before["envFrom"], *OURS["extraEnvFrom"]]
        assert after["volumeMounts"] == [*before["volumeMounts"], *OURS["extraVolumeMounts"]]


def test_ca_bundle_reaches_every_container_of_a_run():
    objects = render({"global": {"espalier": {"caBundle": {"configMap": "company-ca"}}}})

    for name in STEPS.values():
        for container in containers(pod_of(objects, name)):
            values = {one["name"]: one["value"] for one in container["env"]}
            assert values["REQUESTS_CA_BUNDLE"] == values["AWS_CA_BUNDLE"] == "/etc/espalier/ca/ca.crt"
            assert "ca-bundle" in [mount["name"] for mount in container["volumeMounts"]]


def test_volumes_and_resources_follow_the_values():
    mine = {
        "workSize": "60Gi",
        "tmpSize": "3Gi",
        "gate": {"workSize": "7Gi", "resources": {"limits": {"memory": "9Gi"}}},
    }
    objects = render({"training": {**mine, "resources": {"limits": {"memory": "32Gi"}}}})
    sizes = {
        one["name"]: one["emptyDir"]["sizeLimit"] for one in pod_of(objects)["spec"]["volumes"] if "emptyDir" in one
    }

    assert sizes == {"work": "60Gi", "tmp": "3Gi", "gate-work": "7Gi", "gate-tmp": "3Gi"}
    memory = {one["name"]: one["resources"]["limits"]["memory"] for one in containers(pod_of(objects))}
    assert memory == {"training": "32Gi", "gate": "9Gi"}


REGISTRY = {"global": {"espalier": {"imageRegistry": "registry.example.com", "imagePullSecrets": [{"name": "pull"}]}}}


@pytest.mark.parametrize("name", STEPS.values())
def test_runs_pull_with_digest_and_pull_secrets(name):
    digest = f"sha256:{'a' * 64}"
    pod = pod_of(render(REGISTRY, {"training": {"image": {"digest": digest}}}), name)

    assert {one["image"] for one in containers(pod)} == {f"registry.example.com/espalier/training@{digest}"}
    assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}]


# --- notes ----------------------------------------------------------------------------------------------------------


def notes(*parts, name="espalier", namespace="espalier"):
    files = helm_python.Chart.load(ROOT / "charts/espalier").render(
        merged(SECRETS, *parts), name=name, namespace=namespace
    )
    (text,) = (text for path, text in files.items() if path.endswith("NOTES.txt"))
    return text


def test_notes_name_this_release_s_objects_and_no_files():
    objects = render(REGISTRY, name="scores", namespace="teams")
    text = notes(REGISTRY, name="scores", namespace="teams")

    assert "manifests/" not in text
    assert re.findall(r"--from=cronjob/(\S+)", text) == [
        "scores-training-seed",
        "scores-training",
        "scores-training-rollback",
    ]
    assert set(re.findall(r"--from=cronjob/(\S+)", text)) == {
        one["metadata"]["name"] for one in of_kind(objects, "CronJob")
    }
    assert set(re.findall(r"deployment/(\S+)", text)) == {"scores-api"}
    assert set(re.findall(r"kubectl (-n \S+)", text)) == {"-n teams"}


def test_notes_without_training_name_no_job():
    assert "cronjob" not in notes({"training": {"enabled": False}})
