import pytest

from tests.alerts.burn_rates import BUDGETS, CONDITIONS, burn_rate_alerts, check_edges

names = [f"{alert['alert']}-{alert['labels']['long']}" for alert in burn_rate_alerts()]


def test_every_pair_of_windows_has_an_alert_per_objective():
    found = {(alert["alert"], alert["labels"]["long"], alert["labels"]["short"]) for alert in burn_rate_alerts()}

    assert found == {(name, *windows) for name in BUDGETS for windows in CONDITIONS}


@pytest.mark.rules
@pytest.mark.usefixtures("with_promtool")
@pytest.mark.parametrize("alert", burn_rate_alerts(), ids=names)
def test_alert_fires_only_above_all_conditions(tmp_path, alert):
    check_edges(tmp_path, alert)


@pytest.mark.rules
@pytest.mark.usefixtures("with_promtool")
def test_moved_threshold_fails(tmp_path):
    alert = burn_rate_alerts()[0]

    with pytest.raises(AssertionError, match="FAILED"):
        check_edges(tmp_path, alert | {"expr": alert["expr"].replace("14.4", "19.44", 1)})
