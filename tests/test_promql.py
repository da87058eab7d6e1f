import pytest

from tests.promql import groupings, ranges, result_labels, selectors

EXPRESSION = """
  # a comment about not_a_metric
  sum by (namespace, job) (rate(one_total{status="5xx", handler=~"/v[12]/.+"}[5m] offset 1h))
  / on (job) group_left (pod) (max without (bin) (espalier:two:rate5m{bin!="a } or b"}) > bool 1e-12)
  and three unless label_replace(up{job="x"}, "dst", "$1", "src", "(.+)") or vector(-Inf)
"""


def test_selectors_are_metrics_and_not_functions_labels_or_keywords():
    assert [found.metric for found in selectors(EXPRESSION)] == ["one_total", "espalier:two:rate5m", "three", "up"]


def test_matchers_keep_operators_and_values():
    (found,) = selectors('a{b="c, d", e!~"f\\"g", h!="i", j=~"k"} > 14.4 * 0.001')

    assert found == ("a", (("b", "=", "c, d"), ("e", "!~", 'f"g'), ("h", "!=", "i"), ("j", "=~", "k")))


def test_ranges_name_their_function():
    assert ranges("rate(a[5m]) + sum(increase(b[1d] offset 1h)) + c") == [("rate", 300), ("increase", 86400)]


def test_groupings_are_of_by_and_on():
    assert groupings(EXPRESSION) == [{"job"}, {"namespace", "job"}]
    assert groupings("sum(a)") == [frozenset()]


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ('label_replace(sum by (a) (x{b="c"}), "d", "$1", "a", "(.*)")', {"a", "d"}),
        ("sum by (a) (x) / on (b) y", {"a", "b"}),
        ('clamp_max(x{b="c"}, 1)', {"b"}),
    ],
)
def test_result_has_the_labels_of_groupings_label_replace_or_else_selectors(expression, labels):
    assert result_labels(expression) == labels


def test_syntax_error_is_reported():
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        selectors("sum(")
