import pytest

from services.api.auth.accounts import UserChange

PASSWORD, NEW_PASSWORD = "seven slow herons landing", "eleven quiet otters"


@pytest.fixture
def bob(users, passwords, account):
    """A user beside the administrator ana."""
    users.create("bob", passwords.hash(PASSWORD), ["predict"])
    return "bob"


def login(client, name, password):
    return client.post("/v1/auth/token", data={"username": name, "password": password})


def headers_of(response):
    return {"Authorization": f"Bearer {response.json()['access_token']}"}


def change_own(client, headers, old, new):
    return client.post("/v1/users/me/password", json={"old_password": old, "new_password": new}, headers=headers)


def test_own_password_change_needs_the_old_one_and_revokes_tokens(client, bob):
    old = headers_of(login(client, "bob", PASSWORD))

    assert change_own(client, old, PASSWORD, NEW_PASSWORD).status_code == 204

    assert login(client, "bob", PASSWORD).status_code == 401
    new = headers_of(login(client, "bob", NEW_PASSWORD))
    client.app.state.services.revocations.refresh()
    assert change_own(client, old, NEW_PASSWORD, "twelve quiet otters").status_code == 401
    assert change_own(client, new, NEW_PASSWORD, "twelve quiet otters").status_code == 204


def test_own_password_change_refuses_a_wrong_or_weak_password(client, bob, bearer):
    headers = bearer("predict", name="bob")

    assert change_own(client, headers, "wrong", NEW_PASSWORD).status_code == 401
    assert change_own(client, headers, PASSWORD, "passwordpassword").status_code == 422
    assert login(client, "bob", PASSWORD).status_code == 200


def test_old_password_is_throttled_like_a_login(client, bob, bearer, sample):
    for _ in range(5):
        change_own(client, bearer("predict", name="bob"), "wrong", NEW_PASSWORD)

    response = change_own(client, bearer("predict", name="bob"), PASSWORD, NEW_PASSWORD)

    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 50
    assert login(client, "bob", PASSWORD).status_code == 429
    assert sample("espalier_auth_failures_total", reason="invalid_credentials") == 5


def issue(client, bearer, name="bob"):
    return client.post(f"/v1/users/{name}/reset-code", headers=bearer())


def reset(client, code, name="bob", password=NEW_PASSWORD):
    return client.post("/v1/auth/password", json={"name": name, "code": code, "new_password": password})


def test_code_of_an_administrator_sets_a_new_password(client, bob, bearer):
    session = login(client, "bob", PASSWORD).json()["refresh_token"]
    response = issue(client, bearer)
    assert (response.status_code, response.headers["cache-control"]) == (201, "no-store")
    assert response.json()["expires_in"] == 3600
    assert login(client, "bob", PASSWORD).status_code == 200, "the present password is valid until the code is used"

    assert reset(client, response.json()["code"]).status_code == 204

    assert login(client, "bob", PASSWORD).status_code == 401
    assert login(client, "bob", NEW_PASSWORD).status_code == 200
    assert client.post("/v1/auth/refresh", data={"refresh_token": session}).status_code == 401


def test_code_can_be_used_once_and_by_its_user_only(client, bob, bearer, sample):
    code = issue(client, bearer).json()["code"]

    of_another = reset(client, code, name="ana")
    unknown = reset(client, "x" * 27)
    nobody = reset(client, code, name="No Such Name")
    assert reset(client, code).status_code == 204
    again = reset(client, code, password="twelve loud badgers")

    refusals = [of_another, unknown, nobody, again]
    assert {refusal.status_code for refusal in refusals} == {401}
    assert len({(refusal.json()["code"], refusal.json()["detail"]) for refusal in refusals}) == 1
    assert sample("espalier_auth_failures_total", reason="invalid_reset_code") == 4
    assert login(client, "bob", NEW_PASSWORD).status_code == 200


def test_weak_password_does_not_use_the_code_up(client, bob, bearer):
    code = issue(client, bearer).json()["code"]

    assert reset(client, code, password="bobbobbobbob").json()["code"] == "weak_password"
    assert reset(client, code).status_code == 204


def test_codes_are_for_others_who_are_enabled(client, bob, bearer, users):
    assert issue(client, bearer, "ana").status_code == 422
    assert issue(client, bearer, "ghost").status_code == 404
    users.change("bob", UserChange(disabled=True))
    assert issue(client, bearer).json()["detail"] == "user bob is disabled; enable them first"


def test_only_administrators_issue_codes(client, bob, bearer):
    headers = bearer("predict", name="bob")

    assert client.post("/v1/users/ana/reset-code", headers=headers).status_code == 403


def test_audit_log_has_who_issued_and_used_a_code_and_neither_code_nor_password(client, bob, bearer, caplog):
    caplog.set_level("INFO")
    code = issue(client, bearer).json()["code"]
    reset(client, code)
    reset(client, code)

    lines = [record for record in caplog.records if record.name == "espalier.api.audit"]
    assert [(line.message, line.subject, line.target) for line in lines] == [
        ("reset code issued", "ana", "bob"),
        ("user changed", "bob", "bob"),
        ("user administration refused", "bob", "bob"),
    ]
    assert lines[1].changes == {"password": "reset"} and lines[2].reason == "invalid_reset_code"
    assert not any(code in str(vars(record)) or "otters" in str(vars(record)) for record in caplog.records)
