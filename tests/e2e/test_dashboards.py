"""Every panel of every dashboard finds something in the real Prometheus, once there was traffic of each kind."""

from tests.dashboards.live import counts, empty_panels
from tests.e2e.monitoring import wait_until

PATIENCE_SECONDS = 240


def test_every_panel_finds_data(platform, monitoring, predict, ask, flights, note):
    rows, truth = flights
    predict(rows[:2000])
    ask("/v1/predict?explain=true", {"rows": rows[:100]})
    for start in range(0, 1200, 400):
        part = slice(start, start + 400)
        issued = ask("/v1/predict", {"rows": rows[part]})["feedback_token"]
        ask("/v1/feedback", {"feedback": [{"feedback_token": issued, "labels": truth[part]}]})

    def found():
        for row in rows[:50]:  # rates are of the last minutes
            ask("/v1/predict", {"rows": [row]})
        empty = empty_panels(monitoring.prometheus, platform.kube.namespace)
        return None if empty else counts(monitoring.prometheus, platform.kube.namespace)

    numbers = wait_until(
        found, PATIENCE_SECONDS, lambda: f"empty: {empty_panels(monitoring.prometheus, platform.kube.namespace)}"
    )
    note(f"{len(numbers)} queries of panels, {sum(numbers.values())} series")
