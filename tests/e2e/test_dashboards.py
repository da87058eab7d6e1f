"""Every panel of every dashboard shows data from the real Prometheus, after traffic of each kind."""

from tests.dashboards.live import counts, empty_panels
from tests.e2e.monitoring import wait_until

PATIENCE_SECONDS = 400


def test_every_panel_shows_data(platform, finished_run, monitoring, predict, post, flights, note):
    rows, labels = flights
    predict(rows[:2000])
    post("/v1/predict?explain=true", {"rows": rows[:100]})
    for start in range(0, 1200, 400):
        part = slice(start, start + 400)
        token = post("/v1/predict", {"rows": rows[part]})["feedback_token"]
        post("/v1/feedback", {"feedback": [{"feedback_token": token, "labels": labels[part]}]})

    def complete():
        for row in rows[:50]:  # rates are of the last minutes
            post("/v1/predict", {"rows": [row]})
        empty = empty_panels(monitoring.prometheus, platform.kube.namespace)
        return None if empty else counts(monitoring.prometheus, platform.kube.namespace)

    numbers = wait_until(
        complete, PATIENCE_SECONDS, lambda: f"empty: {empty_panels(monitoring.prometheus, platform.kube.namespace)}"
    )
    note(f"{len(numbers)} queries of panels, {sum(numbers.values())} series")
