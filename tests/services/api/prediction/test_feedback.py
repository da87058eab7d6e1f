import json

import pytest

from services.api.errors import InvalidRows, MalformedBody, TooManyRows
from services.api.prediction.feedback import FeedbackReader


@pytest.fixture
def reader(target):
    return FeedbackReader(target, max_rows=5)


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


def test_largest_valid_bodies_are_accepted(target):
    """One list of all labels, and a list for each."""
    reader = FeedbackReader(target, max_rows=1000)

    assert len(reader.read(body({"feedback_token": "A" * 5500, "labels": ["bearing"] * 1000}))) == 1
    assert len(reader.read(body(*[{"feedback_token": "A" * 90, "labels": ["bearing"]}] * 1000))) == 1000


def test_too_many_are_refused(reader, good):
    with pytest.raises(TooManyRows, match="feedback: send at most 5 rows"):
        reader.read(body(*[good] * 6))
    with pytest.raises(InvalidRows, match="value"):
        reader.read(body({**good, "labels": ["bare"] * 6}))


@pytest.mark.parametrize("target_type", ["multiclass"])
def test_labels_of_many_classes(reader):
    good = {"feedback_token": "AQ", "labels": ["none", None, "many"]}

    assert reader.read(body(good)) == [good]
    with pytest.raises(InvalidRows) as caught:
        reader.read(body({**good, "labels": ["bare"]}))
    (problem,) = caught.value.problems
    assert problem.message == "must be a list with one of none, some, many or null for each row"


@pytest.mark.parametrize("target_type", ["regression", "interval"])
def test_true_values(reader):
    good = {"feedback_token": "AQ", "labels": [12, None, -3.5, 1e30]}

    assert reader.read(body(good)) == [good]


@pytest.mark.parametrize("target_type", ["regression"])
@pytest.mark.parametrize("value", ["12", True, 1e39, [1], {}])
def test_what_is_not_a_true_value(reader, value):
    with pytest.raises(InvalidRows) as caught:
        reader.read(body({"feedback_token": "AQ", "labels": [value]}))

    (problem,) = caught.value.problems
    expected = "must be a list with a number within 32 bits (up to 3.4e38) in kg or null for each row"
    assert problem.message == expected


@pytest.mark.parametrize("target_type", ["regression"])
def test_form_of_true_values_is_told(reader):
    with pytest.raises(MalformedBody, match=r'"labels": \[value or null, ...\]'):
        reader.read(b"[]")
