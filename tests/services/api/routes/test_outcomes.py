import pytest

COUNTED = ("espalier_predictions_total", "espalier_feature_bin_total", "espalier_score_bin_total")


@pytest.fixture
def report(client, bearer):
    """Send rows with their labels."""

    def send(*outcomes, scopes=("predict",), **options):
        return client.post("/v1/outcomes", json={"outcomes": outcomes}, headers=bearer(*scopes), **options)

    return send


@pytest.fixture
def outcome(row):
    return {"row": row, "label": "bearing"}


def test_answer_says_how_many_were_counted_and_by_which_model(report, outcome, lineage):
    response = report(outcome, outcome)

    body = response.json()
    assert response.status_code == 200
    assert body["counted"] == 2
    assert (body["model"]["version"], body["model"]["run_id"]) == ("7", lineage.run_id)
    assert body["request_id"] == response.headers["x-request-id"]
    assert response.headers["x-model-version"] == "7"


@pytest.mark.parametrize("number", [1, 16, 17, 200])
def test_every_row_is_counted_inline_and_in_a_thread(report, outcome, sample, number):
    report(*[outcome] * number)

    found = [
        sample("espalier_outcomes_total", model_version="7", label="bearing", predicted=said)
        for said in ("bare", "bearing")
    ]
    assert sum(found) == number
    assert sample("espalier_outcome_log_loss_total", model_version="7") > 0


def test_rows_are_no_predictions_and_no_drift(report, outcome, registry, sample):
    report(*[outcome] * 30)

    found = [one for metric in registry.collect() for one in metric.samples if one.name in COUNTED]
    assert {one.name for one in found} == set(COUNTED)
    assert not any(one.value for one in found)
    assert sample("espalier_predict_seconds_count") == 0


def test_without_a_token_nothing_is_taken(client, outcome):
    assert client.post("/v1/outcomes", json={"outcomes": [outcome]}).status_code == 401


def test_who_may_not_predict_may_not_say_what_came_of_it(report, outcome):
    response = report(outcome, scopes=("model:read", "users:admin"))

    assert response.status_code == 403
    assert "predict" in response.json()["detail"]


def test_problem_names_the_field_and_nothing_is_counted(report, outcome, sample, row):
    response = report(outcome, {"row": {**row, "age": -1}, "label": "late"})

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"field": "outcomes[1].row.age", "message": "must be a whole number from 0 to 300 a"},
        {"field": "outcomes[1].label", "message": "must be one of bare, bearing"},
    ]
    assert sample("espalier_outcome_log_loss_total", model_version="7") == 0
    assert sample("espalier_rejected_requests_total", reason="out_of_range") == 0, "those are of predictions"


def test_limits_are_those_of_predictions(make_client, make_settings, bearer, outcome):
    client = make_client(make_settings(max_rows=2, max_body_bytes=1024))

    many = client.post("/v1/outcomes", json={"outcomes": [outcome] * 3}, headers=bearer())
    large = client.post("/v1/outcomes", json={"outcomes": [outcome] * 30}, headers=bearer())

    assert (many.status_code, many.json()["code"]) == (422, "too_many_rows")
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("kind", ["text/plain", ""])
def test_other_media_types_are_refused(client, bearer, kind):
    response = client.post("/v1/outcomes", content=b"{}", headers={**bearer(), "content-type": kind})

    assert response.status_code == 415


def test_nothing_of_a_row_is_logged(report, outcome, caplog):
    caplog.set_level("DEBUG")

    report({**outcome, "row": {**outcome["row"], "soil": "a secret soil"}})

    assert "a secret soil" not in caplog.text
