from tests.alerts.promql import selectors


def names(expression):
    return [found.metric for found in selectors(expression)]


def test_metrics_are_found_and_functions_labels_and_words_are_not():
    expression = """
      # a comment about not_a_metric
      sum by (namespace, job) (rate(one_total{status="5xx", handler=~"/v[12]/.+"}[5m] offset 1h))
      / on (job) group_left (pod) (max without (bin) (espalier:two:rate5m{bin!="a } or b"}) > bool 1e-12)
      and three unless label_replace(up{job="x"}, "dst", "$1", "src", "(.+)") or -Inf
    """

    assert names(expression) == ["one_total", "espalier:two:rate5m", "three", "up"]


def test_matchers_keep_their_operators_and_values():
    (found,) = selectors('a{b="c, d", e!~"f\\"g"} > 14.4 * 0.001')

    assert found.matchers == (("b", "=", "c, d"), ("e", "!~", 'f\\"g'))
