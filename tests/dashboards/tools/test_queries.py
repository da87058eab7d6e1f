import pytest

from dashboards.tools.queries import Window, substitute


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('up{namespace="$namespace"}', 'up{namespace="here"}'),
        ('up{v=~"${version}"}', 'up{v=~"(1|2)"}'),
        ('up{v=~"${version:regex}"}', 'up{v=~"(1|2)"}'),
        ('up{v=~"$one"}', 'up{v=~"a\\\\.b"}'),
        ('label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up, "a", "$1", "b", "(.*)")'),
        ("rate(up[$__rate_interval])", "rate(up[120s])"),
    ],
)
def test_variables_are_put_in_as_grafana_does(text, wanted):
    values = {"namespace": "here", "version": ["1", "2"], "one": ["a.b"], "__rate_interval": "120s"}

    assert substitute(text, values) == wanted


def test_a_variable_that_is_not_declared_is_an_error():
    with pytest.raises(KeyError, match="nowhere"):
        substitute("$nowhere", {})


def test_rates_look_back_over_four_scrapes_at_least():
    hour, week = Window(0, 3600), Window(0, 7 * 86400)

    assert hour.constants(hour.step()) == {"__interval": "30s", "__rate_interval": "120s", "__range": "3600s"}
    assert week.constants(week.step())["__rate_interval"] == "2550s"
