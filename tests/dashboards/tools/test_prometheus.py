import math

import httpx
import pytest

from dashboards.tools.prometheus import Prometheus, Series, fetch, resolve, series_counts
from dashboards.tools.queries import Query, Window

WINDOW = Window(1_000_000, 1_003_600)


@pytest.fixture
def prometheus(fake_prometheus):
    with httpx.Client(base_url=fake_prometheus) as client:
        yield Prometheus(client)


def query(expr, *, instant=False, legend="{{pod}}"):
    return Query("Panel", "A", expr, instant, legend)


def variable(name, text, **more):
    return {"name": name, "type": "query", "query": {"query": text, "refId": name}, **more}


def test_range_query_lies_on_multiples_of_the_step(prometheus, asked):
    found = fetch(query('rate(a{n="$namespace"}[$__rate_interval])'), prometheus, WINDOW, {"namespace": "here"})

    (path, parameters), *rest = asked
    assert (path, rest) == ("/api/v1/query_range", [])
    assert parameters["query"] == 'rate(a{n="here"}[120s])'
    assert float(parameters["start"]) % 30 == float(parameters["end"]) % 30 == 0
    assert [one.name for one in found] == ["pod 1", "pod 2"]
    assert [one.last for one in found] == [2, 4]


def test_instant_query_is_for_the_end(prometheus, asked):
    found = fetch(query("sum by (le) (a)", instant=True, legend=""), prometheus, WINDOW, {})

    assert asked[0][0] == "/api/v1/query"
    assert float(asked[0][1]["time"]) == WINDOW.end
    assert [one.name for one in found] == ["le=+Inf, pod=pod 2", "le=0.1, pod=pod 1"]


def test_scalar_is_one_series_without_labels(prometheus):
    (found,) = fetch(query("scalar(a)", instant=True), prometheus, WINDOW, {})

    assert (found.labels, found.last) == ({}, 3)


def test_error_of_prometheus_is_reported(prometheus):
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        fetch(query("wrong("), prometheus, WINDOW, {})


def test_variables_are_provided_or_all_or_the_first_in_natural_order(prometheus, asked):
    names = [
        {"name": "datasource", "type": "datasource"},
        variable("namespace", "label_values(up, namespace)"),
        variable("model", 'label_values(info{namespace="$namespace"}, name)'),
        variable("version", 'label_values(info{name="$model"}, version)', includeAll=True),
    ]
    values = resolve({"templating": {"list": names}}, prometheus, WINDOW, {"namespace": "here"})

    assert values == {"namespace": "here", "model": "b9", "version": ["b9", "b10"]}
    assert [parameters["match[]"] for _, parameters in asked] == ['info{namespace="here"}', 'info{name="b9"}']


def test_unknown_kind_of_variable_is_rejected(prometheus):
    with pytest.raises(ValueError, match="label_values"):
        resolve({"templating": {"list": [variable("x", "query_result(up)")]}}, prometheus, WINDOW, {})


def test_series_without_a_number_is_not_counted(fake_prometheus, monkeypatch):
    monkeypatch.setattr(Series, "last", property(lambda one: math.nan if one.labels["pod"] == "pod 1" else 1.0))
    panel = {"type": "stat", "title": "P", "targets": [{"refId": "A", "expr": "a"}]}

    found = series_counts({"panels": [panel], "templating": {"list": []}}, fake_prometheus, WINDOW)

    assert found == {"P / A": 1}
