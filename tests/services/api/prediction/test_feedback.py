import json

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from services.api.errors import InvalidRows, MalformedBody, TooManyRows
from services.api.prediction.feedback import FeedbackReader, score_labels


@pytest.fixture
def reader(contract):
    return FeedbackReader(contract, max_rows=5)


@pytest.fixture
def good():
    return {"feedback_token": "AQ", "labels": ["bare", None, "bearing"]}


def body(*items):
    return json.dumps({"feedback": items}).encode()


def test_valid_feedback_is_returned_unchanged(reader, good):
    other = {"feedback_token": "AR: a colon", "labels": []}

    assert reader.read(body(good, other)) == [good, other]


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        (lambda good: good.update(labels=["late"]), "labels", "must be a list with one of bare, bearing or null for"),
        (lambda good: good.update(labels="bare"), "labels", "must be a list with one of bare, bearing or null for"),
        (lambda good: good.update(labels={"0": "bare"}), "labels", "must be a list with one of bare, bearing or null"),
        (lambda good: good.pop("labels"), "labels", "is missing; it must be a list with one of bare, bearing or null"),
        (
            lambda good: good.update(feedback_token=1),
            "feedback_token",
            "must be the feedback_token from the response of",
        ),
        (lambda good: good.pop("feedback_token"), "feedback_token", "is missing; it must be the feedback_token from"),
        (lambda good: good.update(when="now"), "when", "is not a known name; feedback has feedback_token and labels"),
    ],
)
def test_wrong_member_is_named(reader, good, change, field, message):
    change(good)

    with pytest.raises(InvalidRows) as caught:
        reader.read(body(good))

    (problem,) = caught.value.problems
    assert problem.field == f"feedback[0].{field}"
    assert problem.message.startswith(message)


def test_duplicate_name_is_refused(reader, good):
    twice = body(good).replace(b'"labels": [', b'"labels": [], "labels": [')

    with pytest.raises(InvalidRows) as caught:
        reader.read(twice)

    assert [problem.message for problem in caught.value.problems] == ["is a duplicate"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"feedback": []}', b'{"rows": []}'])
def test_body_of_another_structure_is_refused(reader, raw):
    with pytest.raises(MalformedBody, match=r'\{"feedback": \[\{"feedback_token": text'):
        reader.read(raw)


def test_largest_valid_bodies_are_accepted(contract):
    """One list of all labels, and a list for each."""
    reader = FeedbackReader(contract, max_rows=1000)

    assert len(reader.read(body({"feedback_token": "A" * 5500, "labels": ["bearing"] * 1000}))) == 1
    assert len(reader.read(body(*[{"feedback_token": "A" * 90, "labels": ["bearing"]}] * 1000))) == 1000


def test_too_many_are_refused(reader, good):
    with pytest.raises(TooManyRows, match="feedback: send at most 5 rows"):
        reader.read(body(*[good] * 6))
    with pytest.raises(InvalidRows, match="value"):
        reader.read(body({**good, "labels": ["bare"] * 6}))


def test_sums_are_those_of_scikit_learn():
    random = np.random.default_rng(5)
    likely = random.uniform(0, 1, 50).astype(np.float32)
    truth = random.integers(2, size=50).astype(bool)

    scored = score_labels(likely, truth, threshold=0.5)

    assert scored.log_loss / 50 == pytest.approx(log_loss(truth, likely.astype(np.float64)))
    assert scored.squared_error / 50 == pytest.approx(brier_score_loss(truth, likely.astype(np.float64)))
    np.testing.assert_array_equal(scored.predicted, likely >= 0.5)


def test_probability_at_the_threshold_gets_the_positive_label():
    at = np.asarray([0.3, np.nextafter(np.float32(0.3), np.float32(0))], dtype=np.float32)

    scored = score_labels(at, np.asarray([True, True]), threshold=float(np.float32(0.3)))

    assert scored.predicted.tolist() == [True, False]


def test_certain_mistake_has_a_finite_loss():
    scored = score_labels(np.ones(1, dtype=np.float32), np.asarray([False]), threshold=0.5)

    assert 30 < scored.log_loss < 40
    assert scored.squared_error == 1
