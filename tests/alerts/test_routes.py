"""The receiver of each alert, according to amtool and the chart's Alertmanager configuration."""

import json
import subprocess

import pytest
import yaml

from tests.alerts.promtool import ROOT, all_alerts

pytestmark = pytest.mark.rules
VALUES = yaml.safe_load((ROOT / "charts/espalier/values.yaml").read_text())
CONFIG = VALUES["kube-prometheus-stack"]["alertmanager"]["config"]
LABELS = sorted({(rule["alert"], *(rule["labels"][name] for name in ("severity", "team"))) for rule in all_alerts()})


@pytest.fixture(scope="module")
def amtool(need, tmp_path_factory):
    tool, config = need("amtool"), tmp_path_factory.mktemp("alertmanager") / "alertmanager.yaml"
    config.write_text(yaml.safe_dump(CONFIG))

    def run(*arguments):
        done = subprocess.run([tool, *arguments, str(config)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_configuration_is_valid(amtool):
    assert "SUCCESS" in amtool("check-config")


@pytest.fixture(scope="module")
def message(need, tmp_path_factory):
    """Render the text of the Slack message for an alert with these annotations."""
    tool, folder = need("amtool"), tmp_path_factory.mktemp("message")
    (text,) = (one["slack_configs"][0]["text"] for one in CONFIG["receivers"] if one["name"] == "platform")

    def render(**annotations):
        alert = {"status": "firing", "labels": {"alertname": "A"}, "annotations": annotations}
        data = {
            "status": "firing",
            "alerts": [alert],
            "commonLabels": alert["labels"],
            "commonAnnotations": annotations,
        }
        (folder / "data.json").write_text(json.dumps(data))
        (folder / "none.tmpl").touch()
        glob = f"--template.glob={folder}/*.tmpl"
        options = [glob, f"--template.data={folder}/data.json", f"--template.text={text}"]
        done = subprocess.run([tool, "template", "render", *options], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return render


def test_message_links_to_runbook_and_dashboard(message):
    shown = message(summary="s", description="d", runbook_url="https://r.example", dashboard_url="https://d.example")

    assert "<https://r.example|What to do>" in shown and "<https://d.example|Dashboard>" in shown


def test_message_of_a_foreign_alert_has_no_empty_link(message):
    assert "<" not in message(summary="s", description="d")


def receiver(alert, severity, team):
    """As docs/what-is-monitored.md says."""
    if alert == "EspalierWatchdog":
        return "heartbeat"
    return "null" if severity == "info" else team


@pytest.mark.parametrize(("alert", "severity", "team"), LABELS)
def test_alert_goes_to_its_team(amtool, alert, severity, team):
    labels = (f"alertname={alert}", f"severity={severity}", f"team={team}", "namespace=espalier")

    assert amtool("config", "routes", "test", *labels, "--config.file").strip() == receiver(alert, severity, team)


def test_watchdog_of_the_stack_goes_to_heartbeat(amtool):
    assert amtool("config", "routes", "test", "alertname=Watchdog", "severity=none", "--config.file") == "heartbeat\n"
