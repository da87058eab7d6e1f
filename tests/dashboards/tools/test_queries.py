import pytest

from dashboards.tools.queries import Window, substitute, window_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('up{namespace="$namespace"}', 'up{namespace="here"}'),
        ('up{v=~"${version}"}', 'up{v=~"(1|2)"}'),
        ('up{v=~"${version:regex}"}', 'up{v=~"(1|2)"}'),
        ('up{v=~"$one"}', 'up{v=~"a\\\\.b"}'),
        ('label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up, "a", "$1", "b", "(.*)")'),
        ("rate(up[$__rate_interval])", "rate(up[120s])"),
    ],
)
def test_variables_are_substituted_as_in_grafana(text, expected):
    values = {"namespace": "here", "version": ["1", "2"], "one": ["a.b"], "__rate_interval": "120s"}

    assert substitute(text, values) == expected


def test_undeclared_variable_is_an_error():
    with pytest.raises(KeyError, match="nowhere"):
        substitute("$nowhere", {})


def test_rate_interval_covers_at_least_four_scrapes():
    hour, week = Window(0, 3600), Window(0, 7 * 86400)

    assert hour.constants(hour.step()) == {"__interval": "30s", "__rate_interval": "120s", "__range": "3600s"}
    assert week.constants(week.step())["__rate_interval"] == "2550s"


@pytest.mark.parametrize(("text", "seconds"), [("6h", 21600), ("now-7d", 604800), ("90m", 5400)])
def test_times_are_written_as_in_grafana(text, seconds):
    assert window_of(text, 1_000_000) == Window(1_000_000 - seconds, 1_000_000)


def test_other_times_are_rejected():
    with pytest.raises(ValueError, match="not a time"):
        window_of("yesterday", 0)
