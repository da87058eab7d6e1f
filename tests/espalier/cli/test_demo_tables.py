import pytest

from espalier.cli.demo_tables import by_fifth, most_middle_least, tables_of
from espalier.client import MulticlassPrediction, Prediction, RegressionPrediction
from espalier.local.demo_client import Sample

CLASSES = ("a", "b", "c")


def test_most_middle_and_least_likely_rows_are_shown():
    assert most_middle_least([number / 100 for number in range(100)], 2) == [99, 98, 50, 49, 1, 0]


def test_few_rows_are_shown_once():
    assert most_middle_least([0.1, 0.9, 0.5], 4) == [1, 2, 0]


def test_each_fifth_has_predicted_and_actual_share():
    scores, truth = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], [0, 0, 0, 0, 0, 1, 0, 1, 1, 1]

    found = by_fifth(scores, truth)

    assert [really for _, really in found] == [1.0, 0.5, 0.5, 0.0, 0.0]
    assert [predicted for predicted, _ in found] == pytest.approx([0.95, 0.75, 0.55, 0.35, 0.15])


def test_two_classes_have_their_probability_and_its_fifths():
    sample = Sample("2013-12-02", None, [Prediction("b", 0.75), Prediction("a", 0.25)], ["b", "b"])

    tables = tables_of(sample, ("a", "b"))

    assert (list(tables.columns), tables.line(1)) == (["P(b)", "actual"], ["0.25", "b"])
    assert tables.summary() == [["1.", "75%", "100%"], ["2.", "25%", "100%"]]


def test_more_classes_have_a_confusion_matrix():
    likely = [{"a": 0.5, "b": 0.25, "c": 0.25}, {"a": 0.25, "b": 0.0, "c": 0.75}, {"a": 0.6, "b": 0.2, "c": 0.2}]
    sample = Sample("", None, list(map(MulticlassPrediction, "aca", likely)), ["a", "b", "a"])

    tables = tables_of(sample, CLASSES)

    assert tables.scores == [0.5, 0.75, 0.6]
    assert tables.line(1) == ["c", "0.75", "b"]
    assert list(tables.summary_columns) == ["actual", "predicted a", "predicted b", "predicted c"]
    assert tables.summary() == [["a", "2", "0", "0"], ["b", "0", "0", "1"], ["c", "0", "0", "0"]]


@pytest.mark.parametrize(
    ("interval", "columns", "line"),
    [
        (None, ["value", "actual"], ["12", "10"]),
        ((8.0, 20.0), ["value", "lower", "upper", "actual"], ["12", "8", "20", "10"]),
    ],
)
def test_numbers_have_their_mean_by_fifths(interval, columns, line):
    sample = Sample("", None, [RegressionPrediction(12.0, interval), RegressionPrediction(2.0, interval)], [10.0, 4.0])

    tables = tables_of(sample, ())

    assert (list(tables.columns), tables.line(0)) == (columns, line)
    assert tables.summary() == [["1.", "12", "10"], ["2.", "2", "4"]]
