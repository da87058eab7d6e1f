"""Every rule is well formed, every alert has texts and a runbook, and a case that fires and one that is silent."""

import re
from collections import Counter

import pytest

from tests.alerts.promtool import (
    FOLDER,
    ROOT,
    RULE_FILES,
    TEST_FILES,
    all_alerts,
    all_rules,
    load,
    promtool,
    rules,
    run_case,
    unit_tests,
)
from tests.promql import groupings, selectors

DASHBOARDS = {"espalier-overview", "espalier-api", "espalier-model", "espalier-training"}
LABELS = {
    "severity": {"critical", "warning", "info"},
    "team": {"platform", "model"},
    "component": {"api", "model", "training", "mlflow", "storage", "monitoring"},
    "release": {"espalier"},
}
COMPONENTS = ("Api", "Espalier", "Mlflow", "Model", "ObjectStore", "Postgresql", "S3", "Training")
RUNBOOKS = FOLDER / "runbooks"
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]

alerts = pytest.mark.parametrize(
    "alert", all_alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}"
)
files = pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)


@pytest.mark.rules
@pytest.mark.usefixtures("with_promtool")
def test_promtool_accepts_the_rules():
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)


@pytest.mark.rules
@pytest.mark.usefixtures("with_promtool")
@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.name)
def test_promtool_unit_tests_pass(path):
    promtool("test", "rules", path)


@files
def test_every_file_has_its_unit_tests(path):
    tests = ROOT / f"tests/alerts/{path.stem}_test.yaml"

    assert tests in TEST_FILES
    assert load(tests)["rule_files"] == [f"../../alerts/{path.name}"]


@files
def test_readme_lists_every_file_with_its_question(path):
    (question,) = re.findall(
        rf"^\| \[{path.name}\]\({path.name}\) \| (.+\?) \|$", (FOLDER / "README.md").read_text(), re.M
    )

    assert question in " ".join(path.read_text().replace("\n# ", " ").split())


@files
def test_file_records_what_it_uses_before_it_is_used(path):
    recorded = set()
    for rule in rules(path):
        used = {found.metric for found in selectors(rule["expr"]) if ":" in found.metric}
        assert used <= recorded, rule
        recorded |= {rule["record"]} if "record" in rule else set()


def test_no_record_has_two_rules():
    names = Counter(rule["record"] for rule in all_rules() if "record" in rule)

    assert {name for name, number in names.items() if number > 1} == set()
    assert all(re.fullmatch(r"espalier:[a-z0-9_]+:[a-z0-9]+", name) for name in names)


def test_every_selector_has_the_namespace():
    for rule in all_rules():
        for found in selectors(rule["expr"]):
            matched = {(label, operator, value) for label, operator, value in found.matchers}
            assert matched & {("namespace", "=", "espalier"), ("exported_namespace", "=", "espalier")}, found


def test_every_selector_names_the_release():
    """Two releases may share a namespace: neither reads the other's series or records."""
    shared = {"EspalierWatchdog"}  # reads no series
    joined = {"kube_job_failed"}  # with a series of the release
    for rule in all_rules():
        for found in selectors(rule["expr"]):
            named = any(value.startswith("espalier-") for _label, _operator, value in found.matchers)
            assert named or rule.get("alert") in shared or found.metric in joined, found


def test_every_record_keeps_namespace_and_job():
    for rule in all_rules():
        for labels in groupings(rule["expr"]) if "record" in rule else ():
            assert {"namespace", "job"} <= labels, rule["record"]


@pytest.mark.rules
@pytest.mark.usefixtures("with_promtool")
def test_records_of_another_release_do_not_change_an_alert(tmp_path):
    """The other release's API serves only errors, and waits for its first model."""
    of_the_other = '{namespace="espalier",job="mine-api-metrics"}'
    down = 'kube_deployment_status_replicas_available{namespace="espalier",deployment="espalier-api"}'
    errors = [f"espalier:http_error_ratio:rate{window}" for window in ("5m", "30m", "1h", "6h")]
    counts = [f"espalier:http_errors:increase{window}" for window in ("1h", "6h")]
    waiting = "espalier:waiting_for_first_model:max"
    case = {
        "interval": "1m",
        "input_series": [
            {"series": down, "values": "0x60"},
            {"series": f"{waiting}{of_the_other}", "values": "1x60"},
            *({"series": f"{name}{of_the_other}", "values": "1x60"} for name in errors),
            *({"series": f"{name}{of_the_other}", "values": "500x60"} for name in counts),
        ],
    }
    fired = {"slo.yaml": [], "api.yaml": [{"labels": '{alertname="ApiDown"}', "value": 1}]}

    for name, samples in fired.items():
        look = {"expr": "count by (alertname) (ALERTS)", "eval_time": "30m", "exp_samples": samples}
        run_case(tmp_path, FOLDER / name, {**case, "promql_expr_test": [look]}, evaluate_every="1m")


def test_chart_can_replace_the_release_name_in_selectors():
    """The chart replaces ``"espalier-``: a release name must start so, and must not be part of a longer text."""
    for rule in all_rules():
        for found in selectors(rule["expr"]):
            for label, _operator, value in found.matchers:
                assert "espalier" not in value.removeprefix("espalier-") or value == "espalier", (label, value)
                assert value != "espalier" or label in ("namespace", "exported_namespace"), (label, value)


@alerts
def test_alert_name_starts_with_its_component(alert):
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", alert["alert"])
    assert alert["alert"].startswith(COMPONENTS)


@alerts
def test_alert_has_severity_team_component_and_release(alert):
    labels = dict(alert["labels"])
    for name, values in LABELS.items():
        assert labels.pop(name) in values
    assert set(labels) <= {"long", "short"}  # the windows of a burn rate


@alerts
def test_annotations_link_to_runbook_and_dashboard(alert):
    texts, name = alert["annotations"], alert["alert"]

    assert set(texts) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "{{" not in texts["summary"]
    assert "$labels.namespace" in texts["description"] or "long" in alert["labels"]
    assert texts["runbook_url"] == f"https://github.com/espalier/espalier/blob/main/alerts/runbooks/{name}.md"
    assert (RUNBOOKS / f"{name}.md").exists()
    assert texts["dashboard_url"].removeprefix("https://grafana.example.com/d/") in DASHBOARDS


def test_every_runbook_has_an_alert():
    assert {path.stem for path in RUNBOOKS.iterdir()} == {alert["alert"] for alert in all_alerts()}


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_runbook_has_four_sections_and_commands(path):
    text = path.read_text()

    assert text.startswith(f"# {path.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.M) == SECTIONS
    assert "```sh\n" in text


def expectations(name):
    """Yield (minutes between evaluations, case, [(time, expected alerts)]) of every unit test of an alert."""
    for path in TEST_FILES:
        step = minutes(load(path)["evaluation_interval"])
        for case in unit_tests(path):
            looks = [
                (look["eval_time"], look.get("exp_alerts") or [])
                for look in case.get("alert_rule_test", ())
                if look["alertname"] == name
            ]
            if looks:
                yield step, case, looks


@alerts
def test_alert_has_a_firing_and_a_silent_case(alert):
    def is_this(fired):
        return alert["labels"].items() <= fired["exp_labels"].items()

    fires = silent = 0
    for _step, case, looks in expectations(alert["alert"]):
        firing = [fired for _time, expected in looks for fired in expected if is_this(fired)]
        fires += bool(firing)
        silent += not firing and "stays silent" in case["name"]
        for fired in firing:
            # Alertmanager's routes select an alert by its namespace.
            assert fired["exp_labels"]["namespace"] == "espalier"
            assert fired["exp_annotations"]["summary"] == alert["annotations"]["summary"]
            assert "{{" not in fired["exp_annotations"]["description"]

    assert fires
    assert silent


def minutes(text):
    return sum(int(number) * {"m": 1, "h": 60, "d": 1440}[unit] for number, unit in re.findall(r"(\d+)([mhd])", text))


@alerts
def test_alert_is_silent_one_evaluation_before_it_fires(alert):

    def is_this(fired):
        return alert["labels"].items() <= fired["exp_labels"].items()

    found = False
    for step, _case, looks in expectations(alert["alert"]):
        times = {minutes(time): any(map(is_this, expected)) for time, expected in looks}
        found |= any(fires and times.get(time - step) is False for time, fires in times.items())

    assert found or "for" not in alert


@pytest.mark.parametrize("record", sorted(rule["record"] for rule in all_rules() if "record" in rule))
def test_record_is_used_by_a_rule_or_a_test(record):
    looked_at = [
        look["expr"] for path in TEST_FILES for case in unit_tests(path) for look in case.get("promql_expr_test", ())
    ]
    used = [rule["expr"] for rule in all_rules()]

    assert any(record == found.metric for text in [*looked_at, *used] for found in selectors(text))
