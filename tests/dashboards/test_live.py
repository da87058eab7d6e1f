"""Every panel against a real Prometheus with an example release: finds what promtool cannot, such as broken joins."""

import time

import httpx

from dashboards.tools.prometheus import Prometheus, fetch
from dashboards.tools.queries import annotation_queries, load, panel_queries, panels, window_of
from tests.dashboards.example import make
from tests.dashboards.example_number import NUMBER_NAMESPACE
from tests.dashboards.live import MAY_BE_EMPTY, OF_A_NUMBER, counts, empty_panels
from tests.dashboards.openmetrics import names
from tests.metric_names import recorded, series


def test_every_panel_has_data_in_a_complete_release(real_prometheus):
    found = counts(real_prometheus, "espalier", "2h")

    assert empty_panels(real_prometheus, "espalier", "2h") == []
    assert len(found) == sum(len(panel_queries(panel)) for one in load().values() for panel in panels(one))
    assert found["espalier-model / Drift of the features / A"] == 6
    assert found["espalier-training / CPU / A"] == 1


def test_panels_of_a_number_have_data_and_those_of_classes_have_none(real_prometheus):
    found = counts(real_prometheus, NUMBER_NAMESPACE, "2h")

    of_a_number = {name for name, reason in MAY_BE_EMPTY.items() if reason == OF_A_NUMBER}
    both = {
        "ROC AUC or R² on the test rows",
        "Better than the base rate",
        "Accuracy or coverage",
        "Calibration error, or error of a number",
        "Drift of the score",
        "Live scores against test rows",
        "Rows with feedback",
    }
    shown = {name for name, number in found.items() if number}
    assert of_a_number <= shown
    assert both <= {name.split(" / ")[1] for name in shown}
    assert "espalier-overview / Rows predicted by label / A" in shown
    for panel in ("Log loss", "Accuracy on feedback", "Brier score", "Confusion matrix", "Calibration"):
        assert not [name for name in shown if name.startswith(f"espalier-model / {panel} /")]


def test_rollout_annotation_marks_the_new_version(real_prometheus):
    now = time.time()
    with httpx.Client(base_url=real_prometheus) as client:
        for dashboard in load().values():
            (query,) = annotation_queries(dashboard)
            marks = fetch(query, Prometheus(client), window_of("2h", now), {"namespace": "espalier"})
            assert "4" in {one.labels["version"] for one in marks}


def test_panels_of_another_namespace_are_empty(real_prometheus):
    empty = set(empty_panels(real_prometheus, "elsewhere", "2h"))

    shown = {name for name, number in counts(real_prometheus, "elsewhere", "2h").items() if number}
    assert empty | shown | set(MAY_BE_EMPTY) == set(counts(real_prometheus, "espalier", "2h"))
    # These show zero without data, so that "no failure" differs from "no data".
    assert shown == {
        "espalier-overview / Alerts firing / A",
        "espalier-overview / Dependencies unavailable / A",
        "espalier-training / Failures / A",
    }


def test_example_release_has_only_known_metrics(tmp_path):
    make(tmp_path / "metrics.txt", 0, 600)

    assert set(names(tmp_path / "metrics.txt")) <= {*series(), *recorded()}
