"""Every panel asked of a real Prometheus: that it holds a made-up release finds what promtool cannot, such as joins."""

from dashboards.tools.queries import load, panel_queries, panels
from tests.dashboards.example import make
from tests.dashboards.live import MAY_BE_EMPTY, counts, empty_panels
from tests.dashboards.openmetrics import names
from tests.metric_names import recorded, series


def test_every_panel_finds_something_in_a_release_that_has_it_all(real_prometheus):
    found = counts(real_prometheus, "espalier", "2h")

    assert empty_panels(real_prometheus, "espalier", "2h") == []
    assert len(found) == sum(len(panel_queries(panel)) for one in load().values() for panel in panels(one))
    assert found["espalier-model / Drift of the features / A"] == 6
    assert found["espalier-training / CPU / A"] == 1


def test_another_namespace_is_empty(real_prometheus):
    empty = set(empty_panels(real_prometheus, "elsewhere", "2h"))

    shown = {name for name, number in counts(real_prometheus, "elsewhere", "2h").items() if number}
    assert empty | shown | set(MAY_BE_EMPTY) == set(counts(real_prometheus, "espalier", "2h"))
    # Those that say zero where there is nothing, so that no failure and no data look different.
    assert shown == {
        "espalier-overview / Alerts firing / A",
        "espalier-overview / Dependencies unavailable / A",
        "espalier-training / Failures / A",
    }


def test_made_up_release_holds_only_metrics_that_there_are(tmp_path):
    make(tmp_path / "metrics.txt", 0, 600)

    assert set(names(tmp_path / "metrics.txt")) <= {*series(), *recorded()}
