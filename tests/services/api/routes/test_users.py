import json

import pytest

NEW = {"name": "bob", "password": "seven slow herons landing", "scopes": ["predict"]}


@pytest.fixture
def create(client, bearer):
    def send(**changes):
        headers = {**bearer(), "content-type": "application/json"}  # half characters pass only as escapes
        return client.post("/v1/users", content=json.dumps(NEW | changes), headers=headers)

    return send


def test_created_user_can_log_in_and_nothing_secret_is_shown(client, create):
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
def test_what_is_not_allowed_is_refused(create, changes, status):
    response = create(**changes)

    assert response.status_code == status
    assert NEW["password"] not in response.text
    assert str(changes.get("password", "\0")) not in response.text


def test_name_is_taken_once(create):
    create()

    assert create().status_code == 409


def test_disabled_user_cannot_log_in_until_enabled(client, create, bearer):
    create()
    data = {"username": "bob", "password": NEW["password"]}

    assert client.patch("/v1/users/bob", json={"disabled": True}, headers=bearer()).json()["disabled"]
    assert client.post("/v1/auth/token", data=data).status_code == 401
    client.patch("/v1/users/bob", json={"disabled": False}, headers=bearer())
    assert client.post("/v1/auth/token", data=data).status_code == 200


def test_unknown_user_is_not_found(client, bearer):
    assert client.patch("/v1/users/ghost", json={"disabled": True}, headers=bearer()).status_code == 404


def test_nobody_disables_themselves(client, bearer, account):
    assert client.patch("/v1/users/ana", json={"disabled": True}, headers=bearer()).status_code == 422


def test_users_are_listed(client, create, bearer, account):
    create()

    assert [user["name"] for user in client.get("/v1/users", headers=bearer()).json()] == ["ana", "bob"]


def test_time_of_creation_is_told_alike_when_made_and_when_listed(client, create, bearer):
    made = create().json()

    assert made["created"].endswith("Z")
    assert client.get("/v1/users", headers=bearer()).json() == [made]


@pytest.mark.parametrize("value", [0, 1, "false", "true", 0.0, None, []])
def test_disabled_is_true_or_false_and_nothing_else(client, bearer, account, value):
    response = client.patch(f"/v1/users/{account}", json={"disabled": value}, headers=bearer())

    assert response.status_code == 422
    assert [problem["field"] for problem in response.json()["errors"]] == ["body.disabled"]
