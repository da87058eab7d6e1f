import numpy as np
import pytest
from sqlalchemy import text

from bundle import Target
from services.api.keys import load_keys
from services.api.prediction.feedback_tokens import FeedbackTokens

COUNTED = ("espalier_predictions_total", "espalier_feature_bin_total", "espalier_score_bin_total")


@pytest.fixture
def token(ask, row):
    """The feedback token of a prediction."""

    def predict(rows=1):
        return ask(*[row] * rows).json()["feedback_token"]

    return predict


@pytest.fixture
def report(client, bearer):
    """Send (token, labels) pairs."""

    def send(*pairs, scopes=("feedback:write",), **options):
        feedback = [{"feedback_token": token, "labels": labels} for token, labels in pairs]
        return client.post("/v1/feedback", json={"feedback": feedback}, headers=bearer(*scopes), **options)

    return send


@pytest.fixture
def counted(sample):
    """How many rows were counted for a version."""

    def rows(version="7"):
        names = ("bare", "bearing")
        found = [
            sample("espalier_feedback_total", model_version=version, label=label, predicted=predicted)
            for label in names
            for predicted in names
        ]
        return sum(value or 0 for value in found)

    return rows


@pytest.mark.parametrize("number", [1, 16, 17, 200])
def test_every_row_of_a_prediction_is_counted(token, report, counted, sample, number):
    response = report((token(number), ["bearing"] * number))

    body = response.json()
    assert response.status_code == 200
    assert (body["counted"], body["already_counted"]) == (number, 0)
    assert body["request_id"] == response.headers["x-request-id"]
    assert counted() == number
    assert sample("espalier_feedback_log_loss_total", model_version="7") > 0


def test_same_request_twice_counts_once(token, report, counted):
    sent = (token(3), ["bare", "bearing", "bare"])

    first, second = report(sent).json(), report(sent).json()

    assert (first["counted"], first["already_counted"]) == (3, 0)
    assert (second["counted"], second["already_counted"]) == (0, 3)
    assert counted() == 3


def test_later_label_for_a_counted_row_is_ignored(token, report, counted, sample):
    issued = token()
    report((issued, ["bare"]))
    before = sample("espalier_feedback_log_loss_total", model_version="7")

    report((issued, ["bearing"]))

    assert counted() == 1
    assert sample("espalier_feedback_log_loss_total", model_version="7") == before


def test_labels_can_be_sent_later(token, report, counted):
    issued = token(3)

    first = report((issued, [None, "bare", None])).json()
    second = report((issued, ["bearing", "bare", None])).json()
    nothing = report((issued, [None, None, None])).json()

    assert (first["counted"], second["counted"], second["already_counted"]) == (1, 1, 1)
    assert (nothing["counted"], nothing["already_counted"]) == (0, 0)
    assert counted() == 2


def test_losses_are_those_of_the_predicted_scores(ask, report, row, sample):
    answer = ask(row, {**row, "height": 1.0}).json()
    first, second = (prediction["probability"] for prediction in answer["predictions"])

    report((answer["feedback_token"], ["bearing", "bare"]))

    assert sample("espalier_feedback_log_loss_total", model_version="7") == pytest.approx(
        -np.log(first) - np.log(1 - second)
    )
    assert sample("espalier_feedback_squared_error_total", model_version="7") == pytest.approx(
        (1 - first) ** 2 + second**2
    )


@pytest.fixture
def earlier(settings):
    """Tokens of an earlier version with other scores."""

    def issue(*scores, classes=("bare", "bearing"), subject="ana", threshold=0.5):
        target = Target(name="bears", classes=classes, threshold=threshold)
        tokens = FeedbackTokens(load_keys(settings).feedback, model_version="6", target=target, seconds=3600)
        return tokens.issue(subject, np.asarray(scores, dtype=np.float32))

    return issue


def test_feedback_is_counted_for_the_version_that_predicted(earlier, report, counted, sample):
    report((earlier(0.25, threshold=0.25), ["bearing"]))

    assert (counted("6"), counted("7")) == (1, 0)
    assert sample("espalier_feedback_log_loss_total", model_version="6") == pytest.approx(-np.log(0.25))
    assert sample("espalier_feedback_total", model_version="6", label="bearing", predicted="bearing") == 1, (
        "a probability at the threshold gets the positive label"
    )


def test_version_with_other_labels_is_refused(earlier, report, counted):
    response = report((earlier(0.9, classes=("small", "large")), ["bearing"]))

    assert response.status_code == 422
    assert "version 6, whose labels differ from those of the served model" in response.json()["errors"][0]["message"]
    assert counted("6") == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "is for 2 row(s), but there are 0 labels"),
        (["bare"], "is for 2 row(s), but there are 1 labels"),
        (["bare"] * 3, "is for 2 row(s), but there are 3 labels"),
    ],
)
def test_feedback_needs_one_label_per_row(token, report, counted, labels, message):
    response = report((token(2), labels))

    assert response.status_code == 422
    assert response.json()["errors"] == [{"field": "feedback[0].feedback_token", "message": message}]
    assert counted() == 0


def test_unknown_feedback_token_is_refused_and_nothing_is_counted(token, report, counted):
    response = report((token(), ["bare"]), ("AWZha2U", ["bare"]))

    assert (response.status_code, response.json()["code"]) == (422, "invalid_rows")
    assert response.json()["errors"] == [
        {
            "field": "feedback[1].feedback_token",
            "message": "is not a feedback_token from a prediction of this API",
        }
    ]
    assert counted() == 0


def test_duplicate_feedback_token_is_refused(token, report):
    issued = token(2)

    response = report((issued, ["bare", None]), (issued, [None, "bare"]))

    assert "a duplicate" in response.json()["errors"][0]["message"]


def test_feedback_on_another_users_prediction_is_refused(earlier, report, counted):
    response = report((earlier(0.9, subject="ben"), ["bearing"]))

    assert response.status_code == 422
    assert "from a prediction of another user" in response.json()["errors"][0]["message"]
    assert counted("6") == 0


def test_configured_senders_may_send_for_every_user(make_client, make_settings, earlier, bearer):
    client = make_client(make_settings(feedback_senders="eve,ana"))
    body = {"feedback": [{"feedback_token": earlier(0.9, subject="ben"), "labels": ["bearing"]}]}

    assert client.post("/v1/feedback", json=body, headers=bearer("feedback:write")).json()["counted"] == 1


def test_one_client_is_counted_up_to_its_limit(make_client, make_settings, row, bearer):
    client = make_client(make_settings(feedback_rows_per_hour=3))

    def send(rows):
        issued = client.post("/v1/predict", json={"rows": [row] * rows}, headers=bearer()).json()["feedback_token"]
        body = {"feedback": [{"feedback_token": issued, "labels": ["bare"] * rows}]}
        return client.post("/v1/feedback", json=body, headers=bearer("feedback:write"))

    assert send(3).status_code == 200
    refused = send(1)

    assert (refused.status_code, refused.json()["code"]) == (429, "feedback_limit_reached")
    assert 0 < int(refused.headers["retry-after"]) <= 3600


def test_database_that_does_not_answer_counts_nothing(token, report, counted, engine):
    issued = token()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE feedback_rows"))

    response = report((issued, ["bare"]))

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert counted() == 0


def test_feedback_counts_each_row_once(token, report, registry):
    issued = token(30)
    found = [[one.value for metric in registry.collect() for one in metric.samples if one.name in COUNTED]]

    report((issued, ["bearing"] * 30))

    found += [[one.value for metric in registry.collect() for one in metric.samples if one.name in COUNTED]]
    assert found[0] == found[1]
    assert sum(found[0])


def test_feedback_needs_a_token(client):
    assert client.post("/v1/feedback", json={"feedback": []}).status_code == 401


def test_feedback_needs_its_own_scope(token, report, counted):
    response = report((token(), ["bare"]), scopes=("predict", "model:read", "users:admin"))

    assert response.status_code == 403
    assert "feedback:write" in response.json()["detail"]
    assert counted() == 0


def test_problem_names_the_field_and_nothing_is_counted(token, report, counted, sample):
    response = report((token(), ["late"]))

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"field": "feedback[0].labels", "message": "must be a list with one of bare, bearing or null for each row"}
    ]
    assert counted() == 0
    assert sample("espalier_rejected_requests_total", reason="unknown_category") == 0, "those are of predictions"


def test_feedback_has_the_limits_of_predictions(make_client, make_settings, bearer, earlier):
    client = make_client(make_settings(max_rows=2, max_body_bytes=1024))

    def send(*pairs):
        feedback = [{"feedback_token": issued, "labels": labels} for issued, labels in pairs]
        return client.post("/v1/feedback", json={"feedback": feedback}, headers=bearer())

    many = send(*[(earlier(0.5), ["bare"])] * 3)
    together = send((earlier(0.5, 0.5), ["bare"] * 2), (earlier(0.5), ["bare"]))
    large = send((earlier(*[0.5] * 400), ["bare"]))

    assert (many.status_code, many.json()["code"]) == (422, "too_many_rows")
    assert (together.status_code, together.json()["code"]) == (422, "too_many_rows")
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("kind", ["text/plain", ""])
def test_other_media_types_are_refused(client, bearer, kind):
    response = client.post("/v1/feedback", content=b"{}", headers={**bearer(), "content-type": kind})

    assert response.status_code == 415


def test_feedback_log_has_counts_and_no_label_or_token(token, report, caplog):
    caplog.set_level("INFO")
    issued = token(2)

    report((issued, ["bare", None]))

    (line,) = [record for record in caplog.records if record.getMessage() == "feedback"]
    assert (line.subject, line.rows, line.counted) == ("ana", 1, 1)
    assert issued not in caplog.text
    assert "bare" not in caplog.text
