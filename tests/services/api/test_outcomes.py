import json

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from services.api.errors import InvalidRows, MalformedBody, TooManyRows
from services.api.outcomes import OutcomeReader, score_outcomes


@pytest.fixture
def reader(contract):
    return OutcomeReader(contract, max_rows=5)


@pytest.fixture
def good(contract):
    return {"row": dict(contract.example), "label": "bare"}


def body(*outcomes):
    return json.dumps({"outcomes": outcomes}).encode()


def test_good_outcomes_come_as_they_are(reader, good):
    with_gap = {"row": {**good["row"], "height": None, "soil": "moon: new"}, "label": "bearing"}

    assert reader.read(body(good, with_gap)) == [good, with_gap]


@pytest.mark.parametrize(
    ("change", "field", "message", "reason"),
    [
        (lambda good: good["row"].update(age=-1), "row.age", "must be a whole number from 0 to 300 a", "out_of_range"),
        (
            lambda good: good["row"].pop("grafted"),
            "row.grafted",
            "is missing; it must be true or false",
            "missing_feature",
        ),
        (lambda good: good["row"].update(size=1), "row.size", "is no feature of this model; the", "unknown_feature"),
        (lambda good: good.update(label="late"), "label", "must be one of bare, bearing", "unknown_category"),
        (lambda good: good.update(label=1), "label", "must be one of bare, bearing", "unknown_category"),
        (lambda good: good.pop("label"), "label", "is missing; it must be one of bare, bearing", "missing_feature"),
        (lambda good: good.pop("row"), "row", "is missing; it must be an object", "missing_feature"),
        (lambda good: good.update(row=[1]), "row", "must be an object", "wrong_type"),
        (lambda good: good.update(when="now"), "when", "is not asked for; an outcome has row and", "unknown_feature"),
    ],
)
def test_what_is_wrong_is_named(reader, good, change, field, message, reason):
    change(good)

    with pytest.raises(InvalidRows) as caught:
        reader.read(body(good))

    (problem,) = caught.value.problems
    assert (problem.field, problem.reason) == (f"outcomes[0].{field}", reason)
    assert problem.message.startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'"label": "bare"', b'"label": "bare", "label": "bearing"', "outcomes[0].label"),
        (b'"age": 12', b'"age": 12, "age": 13', "outcomes[0].row.age"),
    ],
)
def test_name_that_is_there_twice_is_refused(reader, good, old, new, field):
    with pytest.raises(InvalidRows) as caught:
        reader.read(body(good).replace(old, new))

    assert [(problem.field, problem.message) for problem in caught.value.problems] == [(field, "is there twice")]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"outcomes": []}', b'{"rows": []}'])
def test_body_that_is_not_of_the_form_is_refused(reader, raw):
    with pytest.raises(MalformedBody, match=r'\{"outcomes": \[\{"row": \{feature: value'):
        reader.read(raw)


def test_more_beside_the_list_is_refused(reader, good):
    with pytest.raises(MalformedBody, match="exactly one member, outcomes"):
        reader.read(body(good)[:-1] + b', "more": 1}')


def test_too_many_are_refused(reader, good):
    with pytest.raises(TooManyRows, match="outcomes: at most 5 rows"):
        reader.read(body(*[good] * 6))


@pytest.fixture
def outcomes(contract):
    random = np.random.default_rng(5)
    rows = [{**contract.example, "height": float(height)} for height in random.uniform(0, 20, 50)]
    return [{"row": row, "label": contract.target.classes[random.integers(2)]} for row in rows]


def test_sums_are_those_of_scikit_learn(model, outcomes):
    scored = score_outcomes(model, outcomes)

    truth = [outcome["label"] == "bearing" for outcome in outcomes]
    likely = scored.probabilities.astype(np.float64)
    assert scored.log_loss / 50 == pytest.approx(log_loss(truth, likely))
    assert scored.squared_error / 50 == pytest.approx(brier_score_loss(truth, likely))
    np.testing.assert_array_equal(scored.truth, truth)
    np.testing.assert_array_equal(scored.predicted, likely >= 0.5)


def test_sure_mistake_costs_much_and_not_everything(model, outcomes, monkeypatch):
    monkeypatch.setattr(type(model), "predict", lambda _self, matrix: np.ones(len(matrix), dtype=np.float32))

    scored = score_outcomes(model, [{**outcomes[0], "label": "bare"}])

    assert 30 < scored.log_loss < 40
    assert scored.squared_error == 1
