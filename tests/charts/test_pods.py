"""Rules that hold for every pod: Pod Security "restricted", NSA/CISA hardening, and kube-linter's checks.

No Python package contains kube-linter, so its checks are written here, under their names.
"""

import pytest

from tests.charts.rendering import containers, of_kind, pods

READS_SECRETS_FROM_ENVIRONMENT = {
    ("StatefulSet/espalier-object-store", "ROOT_ACCESS_KEY"),  # versitygw reads its keys only from the environment
    ("StatefulSet/espalier-object-store", "ROOT_SECRET_KEY"),
    ("Pod/espalier-api-smoke", "SMOKE_USER"),  # runs for seconds
    ("Pod/espalier-api-smoke", "SMOKE_PASSWORD"),
}
ALLOWED_VOLUMES = {"configMap", "emptyDir", "secret", "projected", "persistentVolumeClaim", "downwardAPI", "csi"}
HAS_A_TOKEN = {"gate", "rollback"}
"""Containers that call the Kubernetes API. Each mounts its own token."""


@pytest.fixture
def templates(objects):
    return list(pods(objects))


def test_pod_security_restricted(templates):
    """drop-net-raw-capability, privilege-escalation-container, run-as-non-root, host-*, privileged-container."""
    for name, pod in templates:
        spec, security = pod["spec"], pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 0 and security["runAsGroup"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert "sysctls" not in security
        for volume in spec.get("volumes", []):
            assert set(volume) - {"name"} <= ALLOWED_VOLUMES, name
        for container in containers(pod):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False and own["privileged"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert own["runAsNonRoot"] is True
            assert "procMount" not in own  # unsafe-proc-mount
            assert all("hostPort" not in port for port in container.get("ports", []))


def test_volumes_belong_to_the_pod_s_group(templates):
    """Secrets have the mode 0440, and a new persistent volume belongs to root: without fsGroup neither can be used."""
    for name, pod in templates:
        security = pod["spec"]["securityContext"]
        assert security["fsGroup"] == security["runAsGroup"] == security["runAsUser"], name


def test_root_file_systems_are_read_only(templates):
    """no-read-only-root-fs; files are written to volumes with a size limit."""
    for name, pod in templates:
        for container in containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
        for volume in pod["spec"].get("volumes", []):
            if "emptyDir" in volume:
                assert "sizeLimit" in volume["emptyDir"], (name, volume["name"])


def test_only_gate_and_rollback_mount_a_token(templates):
    """default-service-account."""
    for name, pod in templates:
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        tokens = {volume["name"] for volume in pod["spec"].get("volumes", []) if "projected" in volume}
        mounted = {
            one["name"] for one in containers(pod) for mount in one.get("volumeMounts", []) if mount["name"] in tokens
        }
        assert mounted == HAS_A_TOKEN & {one["name"] for one in containers(pod)}, name
        assert pod["spec"]["serviceAccountName"] not in ("", "default")
        assert pod["spec"]["enableServiceLinks"] is False


def test_service_accounts_mount_no_token(objects):
    for account in of_kind(objects, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_requests_and_limits_of_cpu_memory_and_disk(templates):
    """unset-cpu-requirements, unset-memory-requirements."""
    for name, pod in templates:
        for container in containers(pod):
            for side in ("requests", "limits"):
                assert set(container["resources"][side]) >= {"cpu", "memory", "ephemeral-storage"}, name


def test_images_are_pinned_and_not_always_pulled(templates):
    """latest-tag."""
    for name, pod in templates:
        for container in containers(pod):
            tag = container["image"].rpartition(":")[2]
            assert tag and tag != "latest" and "/" not in tag, name
            assert container["imagePullPolicy"] in ("IfNotPresent", "Never")


def test_servers_have_all_three_probes(objects):
    """no-liveness-probe, no-readiness-probe, liveness-port, readiness-port, startup-port."""
    for name, pod in pods(objects):
        if name.split("/")[0] not in ("Deployment", "StatefulSet"):
            continue
        for container in pod["spec"]["containers"]:
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if "httpGet" in container[probe]:
                    assert container[probe]["httpGet"]["port"] in ports, name


@pytest.mark.parametrize(
    "name", ["Deployment/espalier-mlflow", "StatefulSet/espalier-postgresql", "StatefulSet/espalier-object-store"]
)
def test_liveness_of_stores_is_more_lenient_than_readiness(default, name):
    (container,) = (pod["spec"]["containers"][0] for found, pod in pods(default) if found == name)
    live, ready = container["livenessProbe"], container["readinessProbe"]

    assert set(live) & {"tcpSocket", "httpGet", "exec"} == {"tcpSocket"}
    assert "tcpSocket" not in ready
    assert live["periodSeconds"] * live["failureThreshold"] > ready["periodSeconds"] * ready.get("failureThreshold", 3)


def test_recovering_database_is_not_ready_and_not_killed(default):
    """PostgreSQL listens during a recovery, and pg_isready fails until it is over."""
    (container,) = (pod["spec"]["containers"][0] for name, pod in pods(default) if name.endswith("espalier-postgresql"))

    assert "tcpSocket" in container["startupProbe"] and "tcpSocket" in container["livenessProbe"]
    assert container["readinessProbe"]["exec"]["command"][0] == "pg_isready"
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] >= 600


def test_ports_are_not_privileged(templates):
    """privileged-ports, ssh-port."""
    for _name, pod in templates:
        for container in containers(pod):
            assert all(port["containerPort"] >= 1024 for port in container.get("ports", []))


def test_secrets_are_not_in_the_environment(templates):
    """env-var-secret, read-secret-from-env-var."""
    for name, pod in templates:
        for container in containers(pod):
            assert all("secretRef" not in source for source in container.get("envFrom", []))
            for variable in container.get("env", []):
                if "secretKeyRef" in variable.get("valueFrom", {}):
                    assert (name, variable["name"]) in READS_SECRETS_FROM_ENVIRONMENT
                if any(word in variable["name"] for word in ("SECRET", "PASSWORD", "TOKEN")) and "value" in variable:
                    assert variable["name"].endswith("_FILE"), name


def test_secret_files_are_readable_by_the_group_only(templates):
    for name, pod in templates:
        for volume in pod["spec"].get("volumes", []):
            if "secret" in volume:
                assert volume["secret"]["defaultMode"] == 0o440, name
                assert not [item for item in volume["secret"].get("items", []) if "mode" in item], name


def test_jobs_have_a_deadline_and_are_removed(objects):
    """job-ttl-seconds-after-finished, restart-policy."""
    jobs = [one["spec"] for one in of_kind(objects, "Job")]
    jobs += [one["spec"]["jobTemplate"]["spec"] for one in of_kind(objects, "CronJob")]
    for job in jobs:
        assert job["ttlSecondsAfterFinished"] >= 0
        assert job["activeDeadlineSeconds"] > 0
        assert job["backoffLimit"] <= 10
        assert job["podReplacementPolicy"] == "Failed"
        assert job["template"]["spec"]["restartPolicy"] == "Never"


def test_referenced_names_exist(default):
    """dangling-service, dangling-horizontalpodautoscaler, env-value-from, non-existent-service-account."""
    config_maps = {one["metadata"]["name"] for one in of_kind(default, "ConfigMap")}
    accounts = {one["metadata"]["name"] for one in of_kind(default, "ServiceAccount")}
    labels = [pod["metadata"]["labels"] for _name, pod in pods(default)]
    for _name, pod in pods(default):
        assert pod["spec"]["serviceAccountName"] in accounts
        for container in containers(pod):
            assert {source["configMapRef"]["name"] for source in container.get("envFrom", [])} <= config_maps
        for volume in pod["spec"].get("volumes", []):
            assert "configMap" not in volume or volume["configMap"]["name"] in config_maps
            mounted = {mount["name"] for container in containers(pod) for mount in container["volumeMounts"]}
            assert volume["name"] in mounted
    for service in of_kind(default, "Service"):
        assert [one for one in labels if service["spec"]["selector"].items() <= one.items()], service["metadata"][
            "name"
        ]
    for scaler in of_kind(default, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert of_kind(default, target["kind"], target["name"])


def test_service_ports_name_container_ports(default):
    for service in of_kind(default, "Service"):
        selected = [
            pod for _n, pod in pods(default) if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        ]
        named = {port["name"] for pod in selected for one in pod["spec"]["containers"] for port in one.get("ports", [])}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= named


def test_only_the_api_can_be_exposed(objects):
    """exposed-services."""
    for service in of_kind(objects, "Service"):
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP"
    for ingress in of_kind(objects, "Ingress"):
        backends = {
            path["backend"]["service"]["name"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]
        }
        assert backends == {"espalier-api"}
