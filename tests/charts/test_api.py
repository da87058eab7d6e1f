"""The API's objects: no request is lost when pods start and stop, and every variable is one of its settings."""

import re
from importlib import import_module
from pkgutil import iter_modules

import helm_python
import pytest

from services.api.http import routes
from services.api.http.middleware import PROBES
from services.api.settings import Settings
from tests.charts.rendering import EVERYTHING, VARIANTS, of_kind, only, render, values_file

IN_THE_CLUSTER = {"API_MODEL_VERSION": "3"}
URL = "postgresql+psycopg://api@db/api"
FIELDS = {f"API_{name.upper()}": field for name, field in Settings.model_fields.items()}


@pytest.fixture(params=VARIANTS)
def release(request):
    return render(*VARIANTS[request.param])


@pytest.fixture
def settings_of(monkeypatch, tmp_path):
    """Read the settings as a pod of these objects would, with the Secret's files in another folder."""

    def read(objects):
        (tmp_path / "database-url").write_text(URL)
        for name, value in environment(objects).items():
            monkeypatch.setenv(name, IN_THE_CLUSTER[name] if value is None else value)
        monkeypatch.setenv("API_DATABASE_URL_FILE", str(tmp_path / "database-url"))
        return Settings()

    return read


def deployment(objects):
    return only(objects, "Deployment", "espalier-api")


def api_container(objects):
    return deployment(objects)["spec"]["template"]["spec"]["containers"][0]


def environment(objects):
    """Name → value, or None if only the cluster knows the value."""
    found = dict(only(objects, "ConfigMap", "espalier-api")["data"])
    return found | {variable["name"]: variable.get("value") for variable in api_container(objects)["env"]}


def cores(quantity):
    return int(quantity[:-1]) / 1000 if str(quantity).endswith("m") else float(quantity)


def test_every_variable_is_a_setting(release):
    assert set(environment(release)) <= set(FIELDS)


def test_every_required_setting_is_set(release):
    required = {name for name, field in FIELDS.items() if field.is_required()}

    assert required <= set(environment(release))


def test_settings_accept_the_variables(release, settings_of):
    settings = settings_of(release)

    assert settings.host == "0.0.0.0"  # noqa: S104 (in a container)
    assert "espalier-api.espalier.svc" in settings.allowed_hosts


def test_database_url_is_in_a_mounted_file(release, settings_of):
    volumes = {one["name"]: one for one in deployment(release)["spec"]["template"]["spec"]["volumes"]}
    mounts = {one["mountPath"]: volumes[one["name"]] for one in api_container(release)["volumeMounts"]}
    folder, _, key = environment(release)["API_DATABASE_URL_FILE"].rpartition("/")

    assert "API_DATABASE_URL" not in environment(release)
    assert key in {item["path"] for item in mounts[folder]["secret"]["items"]}
    assert settings_of(release).database_url == URL


def test_monitoring_values_reach_the_settings(settings_of):
    values = {
        "dependencyCheckIntervalSeconds": 60,
        "dependencyCheckJitterSeconds": 9,
        "dependencyCheckTimeoutSeconds": 3,
    }
    ages = {"modelAgeLimitDays": 0, "dataAgeLimitDays": 400}

    settings = settings_of(render({"api": {"monitoring": {**values, **ages}}}))

    found = (
        settings.dependency_check_interval_seconds,
        settings.dependency_check_jitter_seconds,
        settings.dependency_check_timeout_seconds,
    )
    assert found == (60, 9, 3)
    assert (settings.model_age_limit_days, settings.data_age_limit_days) == (0, 400)


def test_feedback_values_reach_the_settings(settings_of):
    values = {"days": 30, "rowsPerHour": 2_000_000, "senders": ["joiner", "auditor"], "oldKeys": ["old.key.pem"]}

    objects = render({"api": {"feedback": values}})
    settings = settings_of(objects)

    assert (settings.feedback_days, settings.feedback_rows_per_hour) == (30, 2_000_000)
    assert settings.feedback_senders == ("joiner", "auditor")
    (key,) = settings.feedback_old_key_files
    (secrets,) = [one for one in deployment(objects)["spec"]["template"]["spec"]["volumes"] if one["name"] == "secrets"]
    assert key.name in {item["path"] for item in secrets["secret"]["items"]}


def test_quota_reaches_the_settings(settings_of):
    settings = settings_of(render({"api": {"quota": {"rowsPerMinute": 2_000_000, "burstRows": 100_000}}}))

    assert (settings.quota_rows_per_minute, settings.quota_burst_rows) == (2_000_000, 100_000)


def test_request_limits_reach_the_settings(settings_of):
    values = {"maxExplainRows": 7, "smallBodyBytes": 2_000_000, "batchConcurrency": 3, "maxWaitingBatches": 0}
    values |= {"maxColumnarRows": 2_000_000, "maxColumnarBodyBytes": 200_000_000}
    values |= {"maxBatchWaitSeconds": 7.5, "maxWaitSeconds": 0.1}

    settings = settings_of(render({"api": {"server": values}}))

    assert (settings.max_explain_rows, settings.small_body_bytes) == (7, 2_000_000)
    assert (settings.batch_concurrency, settings.max_waiting_batches) == (3, 0)
    assert (settings.max_batch_wait_seconds, settings.max_wait_seconds) == (7.5, 0.1)
    assert (settings.max_columnar_rows, settings.max_columnar_body_bytes) == (2_000_000, 200_000_000)


def test_defaults_equal_those_of_the_settings(default):
    names = ["FEEDBACK_DAYS", "FEEDBACK_ROWS_PER_HOUR", "MAX_EXPLAIN_ROWS", "SMALL_BODY_BYTES", "BATCH_CONCURRENCY"]
    names += ["QUOTA_ROWS_PER_MINUTE", "QUOTA_BURST_ROWS", "MAX_COLUMNAR_ROWS", "MAX_COLUMNAR_BODY_BYTES"]
    found = environment(default)

    for name in (*(f"API_{name}" for name in names), "API_MAX_WAITING_BATCHES", "API_MAX_BODY_BYTES"):
        assert int(found[name]) == FIELDS[name].default
    for name in ("API_MAX_BATCH_WAIT_SECONDS", "API_MAX_WAIT_SECONDS"):
        assert float(found[name]) == FIELDS[name].default
    assert found["API_DOCS_ENABLED"] == "false"
    assert (found["API_FEEDBACK_SENDERS"], found["API_FEEDBACK_OLD_KEY_FILES"]) == ("", "")


def test_tracing_is_off_and_can_be_turned_on(default):
    assert not {"API_OTLP_ENDPOINT", "API_TRACE_SAMPLE_RATIO"} & set(environment(default))
    collector = {"podSelector": {"matchLabels": {"app": "{{ .Release.Name }}-collector"}}}
    peers = {"collector": {"to": [collector], "ports": [4319]}}
    traced = {"tracing": {"endpoint": "http://collector:4318", "sampleRatio": 0.5}, "networkPolicy": peers}

    objects = render({"api": traced})

    found = environment(objects)
    assert (found["API_OTLP_ENDPOINT"], found["API_TRACE_SAMPLE_RATIO"]) == ("http://collector:4318", "0.5")
    rule = {
        "to": [{"podSelector": {"matchLabels": {"app": "espalier-collector"}}}],
        "ports": [{"protocol": "TCP", "port": 4319}],
    }
    assert rule in only(objects, "NetworkPolicy", "espalier-api")["spec"]["egress"]
    assert rule not in only(default, "NetworkPolicy", "espalier-api")["spec"]["egress"]


def test_termination_grace_period_covers_the_shutdown(release):
    pod = deployment(release)["spec"]["template"]["spec"]
    pre_stop = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain, graceful = (int(environment(release)[f"API_{name}_SECONDS"]) for name in ("DRAIN", "GRACEFUL"))

    assert 5 <= pre_stop <= 30
    assert pod["terminationGracePeriodSeconds"] >= pre_stop + drain + graceful + 10


def test_peer_port_differs_from_the_metrics_port(default):
    service = only(default, "Service", environment(default)["API_PEER_HOST"])

    assert service["spec"]["clusterIP"] == "None"
    assert [port["port"] for port in service["spec"]["ports"]] == [int(environment(default)["API_PEER_PORT"])]
    assert environment(default)["API_PEER_PORT"] != environment(default)["API_METRICS_PORT"]


def test_keep_alive_is_longer_than_the_proxy_s(release):
    assert int(environment(release)["API_KEEP_ALIVE_SECONDS"]) > 90, "Traefik's default; nginx has 60"


def test_rollout_removes_no_pod_before_its_successor_is_ready(release):
    spec = deployment(release)["spec"]

    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert spec["strategy"]["rollingUpdate"]["maxSurge"] != 0
    assert spec["minReadySeconds"] >= 5


def test_rollout_takes_as_long_with_many_pods_as_with_few(release):
    surge = deployment(release)["spec"]["strategy"]["rollingUpdate"]["maxSurge"]

    assert isinstance(surge, str) and surge.endswith("%"), "a number would replace twenty pods one after another"


def test_replicas_are_not_rendered(release):
    assert "replicas" not in deployment(release)["spec"]


def test_replicas_are_not_rendered_without_an_autoscaler():
    objects = render({"api": {"autoscaling": {"enabled": False}}})

    assert "replicas" not in deployment(objects)["spec"]
    assert not of_kind(objects, "HorizontalPodAutoscaler")


def test_chart_never_renders_the_model_version_annotation(release):
    template = deployment(release)["spec"]["template"]
    (version,) = (one for one in api_container(release)["env"] if one["name"] == "API_MODEL_VERSION")

    assert version["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.annotations['espalier.dev/model-version']"
    assert "espalier.dev/model-version" not in template["metadata"]["annotations"]
    assert "espalier.dev/model-version" not in deployment(release)["metadata"].get("annotations", {})


def test_changed_settings_restart_pods():
    def checksum(*parts):
        return deployment(render(*parts))["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum({"api": {"autoscaling": {"maxReplicas": 7}}})
    assert checksum() != checksum({"api": {"server": {"maxRows": 7}}})


def test_liveness_is_more_lenient_than_readiness(release):
    container = api_container(release)
    live, ready = container["livenessProbe"], container["readinessProbe"]

    assert (live["httpGet"]["path"], ready["httpGet"]["path"]) == ("/healthz", "/readyz")
    assert live["periodSeconds"] * live["failureThreshold"] > ready["periodSeconds"] * ready["failureThreshold"]


def test_five_revisions_are_kept(release):
    for name in ("espalier-api", "espalier-mlflow"):
        assert only(release, "Deployment", name)["spec"]["revisionHistoryLimit"] == 5


def test_startup_probe_succeeds_without_a_model(release):
    assert api_container(release)["startupProbe"]["httpGet"]["path"] == "/healthz"
    assert environment(release)["API_WAIT_FOR_REGISTRY"] == "true"


def test_startup_probe_allows_the_configured_seconds():
    probe = api_container(render({"api": {"probes": {"startupSeconds": 90}}}))["startupProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] == 90


def test_workers_fit_the_cpu_limit(release):
    assert int(environment(release)["API_WORKERS"]) <= cores(api_container(release)["resources"]["limits"]["cpu"])


def test_autoscaler_scales_up_immediately_and_down_slowly(release):
    spec = only(release, "HorizontalPodAutoscaler")["spec"]

    assert spec["minReplicas"] >= 2
    assert spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 60
    assert api_container(release)["resources"]["requests"]["cpu"], "utilisation is measured against it"


def test_autoscaler_policies(release):
    behavior = only(release, "HorizontalPodAutoscaler")["spec"]["behavior"]

    def pace(direction):
        assert behavior[direction]["selectPolicy"] == "Max"
        return {one["type"]: (one["value"], one["periodSeconds"]) for one in behavior[direction]["policies"]}

    assert pace("scaleUp") == {"Percent": (100, 15), "Pods": (4, 15)}
    assert pace("scaleDown") == {"Percent": (50, 60), "Pods": (1, 60)}


def test_autoscaler_measures_only_cpu_by_default(release):
    """Memory does not grow with requests, so as a target it would never scale down."""
    target = {"type": "Utilization", "averageUtilization": 70}

    assert only(release, "HorizontalPodAutoscaler")["spec"]["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    ]


def test_custom_metric_is_added_to_cpu():
    metric = {
        "type": "Pods",
        "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": 50}},
    }
    spec = only(render({"api": {"autoscaling": {"extraMetrics": [metric]}}}), "HorizontalPodAutoscaler")["spec"]

    assert [one["type"] for one in spec["metrics"]] == ["Resource", "Pods"]


def test_disruption_budget_allows_eviction_of_unhealthy_pods(release):
    """pdb-unhealthy-pod-eviction-policy, pdb-max-unavailable."""
    spec = only(release, "PodDisruptionBudget")["spec"]

    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert spec["maxUnavailable"] == 1
    assert spec["selector"] == deployment(release)["spec"]["selector"]


def test_pods_of_one_version_are_spread(release):
    """no-anti-affinity."""
    spread = deployment(release)["spec"]["template"]["spec"]["topologySpreadConstraints"]

    assert [one["topologyKey"] for one in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    assert all(one["matchLabelKeys"] == ["pod-template-hash"] for one in spread)
    assert all(one["maxSkew"] == 1 for one in spread), "no host has two pods more than another"


def test_ingress_exposes_no_internal_path():
    ingress = only(render(EVERYTHING), "Ingress")["spec"]
    paths = [path["path"] for path in ingress["rules"][0]["http"]["paths"]]

    assert paths == ["/v1", "/v2", "/.well-known"]
    assert ingress["tls"] == [{"hosts": ["api.example.com"], "secretName": "tls"}]


@pytest.mark.parametrize("way", ["ingress", "httpRoute"])
def test_exposed_paths_match_the_routes_except_probes(way):
    open_paths = values_file("charts/api/values.yaml")[way]["paths"]
    modules = [import_module(f"services.api.http.routes.{module.name}") for module in iter_modules(routes.__path__)]
    wanted = {route.path for module in modules for route in module.router.routes} - PROBES

    found = {path: {route for route in wanted if f"{route}/".startswith(f"{path}/")} for path in open_paths}

    assert set().union(*found.values()) == wanted
    assert [path for path, led_to in found.items() if not led_to] == []


def test_route_and_certificate_match_the_ingress():
    objects = render(EVERYTHING)
    route, certificate = only(objects, "HTTPRoute")["spec"], only(objects, "Certificate")["spec"]

    assert [match["path"]["value"] for match in route["rules"][0]["matches"]] == ["/v1", "/v2", "/.well-known"]
    assert route["hostnames"] == ["route.example.com"]
    assert certificate["secretName"] == only(objects, "Ingress")["spec"]["tls"][0]["secretName"]
    assert certificate["dnsNames"] == ["api.example.com"]
    assert {"api.example.com", "route.example.com"} <= set(environment(objects)["API_ALLOWED_HOSTS"].split(","))


def test_route_uses_its_own_paths():
    route = only(render(EVERYTHING, {"api": {"httpRoute": {"paths": ["/v1"]}}}), "HTTPRoute")["spec"]

    assert [match["path"]["value"] for match in route["rules"][0]["matches"]] == ["/v1"]


@pytest.mark.parametrize("missing", ["host", "tls"])
def test_ingress_without_host_or_certificate_is_refused(missing):
    ingress = {"enabled": True, "host": "a.example.com", "tls": {"existingSecret": "tls"}}
    ingress[missing] = "" if missing == "host" else {"existingSecret": ""}

    with pytest.raises(Exception, match=re.escape(f"api.ingress.{missing}")):
        render({"api": {"ingress": ingress}})


BODY_SIZES = ("nginx.ingress.kubernetes.io/proxy-body-size", "nginx.org/client-max-body-size")


@pytest.mark.parametrize("variant", ["default", "everything", "prod"])
def test_ingress_has_only_the_annotations_for_the_size_of_bodies(variant):
    for one in of_kind(render(*VARIANTS[variant]), "Ingress"):
        assert set(one["metadata"]["annotations"]) == set(BODY_SIZES)


@pytest.mark.parametrize(
    ("rows", "columns", "expected"), [(1024, 33554432, "33554432"), (2**30, 2048, str(2**30)), (2048, 1024, "2048")]
)
def test_ingress_lets_the_largest_body_pass(rows, columns, expected):
    values = {"server": {"maxBodyBytes": rows, "maxColumnarBodyBytes": columns}}

    annotations = only(render(EVERYTHING, {"api": values}), "Ingress")["metadata"]["annotations"]

    assert annotations == dict.fromkeys(BODY_SIZES, expected)


def test_given_annotations_take_precedence():
    given = {BODY_SIZES[0]: "8m", "example.com/more": "yes"}

    annotations = only(render(EVERYTHING, {"api": {"ingress": {"annotations": given}}}), "Ingress")["metadata"]

    assert given.items() <= annotations["annotations"].items()
    assert annotations["annotations"][BODY_SIZES[1]] == "33554432"


def test_evaluation_needs_no_more_than_two_cores():
    objects = render(*VARIANTS["kind"], secrets=False)
    total = sum(
        cores(container["resources"]["requests"]["cpu"]) * (2 if one["metadata"]["name"] == "espalier-api" else 1)
        for kind in ("Deployment", "StatefulSet")
        for one in of_kind(objects, kind)
        for container in one["spec"]["template"]["spec"]["containers"]
    )

    assert total <= 0.6


ENABLED = [
    {"ingress": {"enabled": True, "host": "api.example.com", "tls": {"existingSecret": "tls"}}},
    {"httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["api.example.com"]}},
]


@pytest.mark.parametrize("api", ENABLED, ids=["ingress", "route"])
def test_ingress_without_proxy_addresses_is_refused(api):
    with pytest.raises(
        helm_python.HelmError, match=r"api\.server\.forwardedAllowIps is not set[\s\S]*kubectl get pods"
    ):
        render({"api": api})

    trusted = {"server": {"forwardedAllowIps": "10.20.30.40, 10.20.31.0/28"}}
    config = only(render({"api": api | trusted}), "ConfigMap", "espalier-api")
    assert config["data"]["API_FORWARDED_ALLOW_IPS"] == "10.20.30.40, 10.20.31.0/28"


@pytest.mark.parametrize("name", ["values-kind.yaml", "values-prod.yaml"])
def test_shipped_values_trust_no_proxy(name):
    with pytest.raises(helm_python.HelmError, match=r"api\.server\.forwardedAllowIps is not set"):
        render(values_file(name))


def test_without_an_ingress_no_proxy_is_trusted(default):
    assert only(default, "ConfigMap", "espalier-api")["data"]["API_FORWARDED_ALLOW_IPS"] == "127.0.0.1"


@pytest.mark.parametrize("wrong", ["*", "0.0.0.0/0", "::/0", "10.0.0.1, *", "ingress.example.com", "10.0.0.1;10.0.0.2"])
def test_trusting_all_addresses_is_refused(wrong):
    with pytest.raises(helm_python.HelmError, match="forwardedAllowIps"):
        render({"api": {"server": {"forwardedAllowIps": wrong}}})
