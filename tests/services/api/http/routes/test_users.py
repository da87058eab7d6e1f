import json

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import event

from services.api.auth.accounts import UserChange

NEW = {"name": "bob", "password": "seven slow herons landing", "scopes": ["predict"]}


PASSWORD = "grafted quince under snow"


@pytest.fixture
def create(client, bearer, account):
    def send(**changes):
        headers = {**bearer(), "content-type": "application/json"}  # half characters pass only as escapes
        return client.post("/v1/users", content=json.dumps(NEW | changes), headers=headers)

    return send


def test_created_user_can_log_in_and_no_secret_is_returned(client, create):
    response = create()

    assert response.status_code == 201
    assert set(response.json()) == {"name", "scopes", "disabled", "created"}
    data = {"username": "bob", "password": NEW["password"]}
    assert client.post("/v1/auth/token", data=data).json()["scope"] == "predict"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": "Not A Name"}, 422),
        ({"scopes": []}, 422),
        ({"scopes": ["everything"]}, 422),
        ({"password": "short"}, 422),
        ({"password": "passwordpassword"}, 422),
        ({"password": "seven slow herons \ud800"}, 422),
        ({"more": 1}, 422),
    ],
)
def test_value_outside_the_contract_is_refused(create, changes, status):
    response = create(**changes)

    assert response.status_code == status
    assert NEW["password"] not in response.text
    assert str(changes.get("password", "\0")) not in response.text


def test_user_name_is_unique(create):
    create()

    assert create().status_code == 409


def test_disabled_user_cannot_log_in_until_enabled(client, create, bearer):
    create()
    data = {"username": "bob", "password": NEW["password"]}

    assert client.patch("/v1/users/bob", json={"disabled": True}, headers=bearer()).json()["disabled"]
    assert client.post("/v1/auth/token", data=data).status_code == 401
    client.patch("/v1/users/bob", json={"disabled": False}, headers=bearer())
    assert client.post("/v1/auth/token", data=data).status_code == 200


def test_unknown_user_is_not_found(client, bearer, account):
    assert client.patch("/v1/users/ghost", json={"disabled": True}, headers=bearer()).status_code == 404


@pytest.mark.parametrize("body", [{"disabled": True}, {"disabled": False}, {"password": "seven slow herons landing"}])
def test_administrator_cannot_change_themselves(client, bearer, account, users, body):
    before = users.list()

    assert client.patch("/v1/users/ana", json=body, headers=bearer()).status_code == 422
    assert users.list() == before


@pytest.mark.parametrize("body", [{}, {"disabled": None}, {"scopes": []}, {"password": "short"}, {"name": "eve"}])
def test_empty_or_unknown_change_is_refused(client, create, bearer, body):
    create()

    assert client.patch("/v1/users/bob", json=body, headers=bearer()).status_code == 422


def test_users_are_listed(client, create, bearer, account):
    create()

    assert [user["name"] for user in client.get("/v1/users", headers=bearer()).json()] == ["ana", "bob"]


def test_creation_time_is_the_same_when_created_and_listed(client, create, bearer):
    made = create().json()

    assert made["created"].endswith("Z")
    assert made in client.get("/v1/users", headers=bearer()).json()


@pytest.mark.parametrize("value", [0, 1, "false", "true", 0.0, []])
def test_disabled_accepts_only_booleans(client, bearer, account, value):
    response = client.patch(f"/v1/users/{account}", json={"disabled": value}, headers=bearer())

    assert response.status_code == 422
    assert [problem["field"] for problem in response.json()["errors"]] == ["body.disabled"]


def test_disabled_administrator_loses_access_at_once(client, account, users, bearer):
    """Regression: with her old token she could enable herself, create an administrator and disable the other one."""
    users.create("root", "hash", ["users:admin"])
    old = bearer()
    users.change("ana", UserChange(disabled=True))

    for method, path, body in [
        ("patch", "/v1/users/ana", {"disabled": False}),
        ("post", "/v1/users", NEW | {"scopes": ["users:admin"]}),
        ("patch", "/v1/users/root", {"disabled": True}),
        ("get", "/v1/users", None),
    ]:
        response = client.request(method, path, json=body, headers=old)
        assert response.status_code == 401, path
        assert response.json()["code"] == "invalid_token"
    assert [(user.name, user.disabled) for user in users.list()] == [("ana", True), ("root", False)]


@pytest.mark.parametrize(
    "change", [UserChange(scopes=["predict"]), UserChange(password_hash="other"), UserChange(disabled=True)]
)
def test_token_from_before_a_change_cannot_administer(client, account, users, bearer, change):
    users.create("root", "hash", ["users:admin"])
    users.change("ana", change)

    assert client.get("/v1/users", headers=bearer()).status_code == 401


def test_recreated_administrator_needs_a_new_token(client, account, users, bearer):
    users.create("root", "hash", ["users:admin"])
    users.delete("ana")
    assert client.get("/v1/users", headers=bearer()).status_code == 401
    new = users.create("ana", "hash", ["users:admin"])

    assert client.get("/v1/users", headers=bearer()).status_code == 401
    assert client.get("/v1/users", headers=bearer(epoch=new.epoch)).status_code == 200


def test_token_without_a_scope_stays_without_it(client, account, bearer):
    assert client.get("/v1/users", headers=bearer("predict")).status_code == 403


def test_last_administrator_cannot_be_removed(client, account, bearer):
    response = client.patch("/v1/users/ana", json={"scopes": ["predict"]}, headers=bearer())

    assert response.status_code == 409
    assert response.json()["code"] == "last_administrator"


def test_revoked_token_is_refused_after_the_next_refresh(client, account, users, bearer, row):
    users.create("root", "hash", ["users:admin"])
    users.change("ana", UserChange(disabled=True))
    client.app.state.services.revocations.refresh()

    response = client.post("/v1/predict", json={"rows": [row]}, headers=bearer())

    assert response.status_code == 401
    assert response.json()["code"] == "invalid_token"


def test_worker_reads_revocations_when_it_starts(make_client, settings, account, users, bearer, row):
    users.create("root", "hash", ["users:admin"])
    users.change("ana", UserChange(disabled=True))

    with make_client(settings) as started:
        assert started.post("/v1/predict", json={"rows": [row]}, headers=bearer()).status_code == 401


def test_prediction_does_not_query_the_database(client, engine, account, ask, row):
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))

    assert ask(row).status_code == 200
    assert statements == []


def test_predictions_work_without_the_database(client, account, ask, row, tmp_path, engine, bearer):
    engine.dispose()
    (tmp_path / "users.db").rename(tmp_path / "gone")
    (tmp_path / "users.db").mkdir()

    assert ask(row).status_code == 200
    assert client.get("/v1/users", headers=bearer()).status_code == 503


def login(client, name, password):
    return client.post("/v1/auth/token", data={"username": name, "password": password})


def headers_of(response):
    return {"Authorization": f"Bearer {response.json()['access_token']}"}


def test_administrator_sets_password_and_scopes_of_a_user(client, create, bearer):
    create()
    old = headers_of(login(client, "bob", NEW["password"]))
    body = {"password": "eleven quiet otters", "scopes": ["predict", "model:read"]}

    changed = client.patch("/v1/users/bob", json=body, headers=bearer())

    assert changed.json()["scopes"] == ["model:read", "predict"]
    assert "otters" not in changed.text
    assert login(client, "bob", "eleven quiet otters").json()["scope"] == "model:read predict"
    client.app.state.services.revocations.refresh()
    assert client.get("/v1/model", headers=old).status_code == 401


def test_weak_password_for_another_is_refused(client, create, bearer):
    create()

    assert client.patch("/v1/users/bob", json={"password": "bobbobbobbob"}, headers=bearer()).status_code == 422


@pytest.mark.parametrize(
    ("body", "is_valid"),
    [
        ({}, False),
        ({"disabled": None}, False),
        ({"disabled": None, "password": None, "scopes": None}, False),
        ({"disabled": True}, True),
        ({"disabled": None, "scopes": ["predict"]}, True),
    ],
)
def test_described_changes_are_the_accepted_ones(client, create, bearer, body, is_valid):
    create()
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    described = Draft202012Validator({**schemas["UserPatch"], "components": {"schemas": schemas}})

    assert described.is_valid(body) is is_valid
    assert client.patch("/v1/users/bob", json=body, headers=bearer()).is_success is is_valid
