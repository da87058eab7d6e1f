import pytest

from services.api.auth.accounts import UserChange


def login(client, name="ana", password="grafted quince under snow", **more):
    return client.post("/v1/auth/token", data={"username": name, "password": password, **more})


def test_right_password_returns_a_valid_token(client, account):
    response = login(client)

    token = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert token["token_type"] == "bearer"
    assert token["expires_in"] == 900
    assert client.get("/v1/model", headers={"Authorization": f"Bearer {token['access_token']}"}).status_code == 200


def test_token_can_have_fewer_scopes_but_not_more(client, account, users, passwords):
    users.create("bob", passwords.hash("grafted quince under snow"), ["predict"])

    assert login(client, scope="predict").json()["scope"] == "predict"
    assert login(client, "bob", scope="predict users:admin").json()["scope"] == "predict"


def test_unknown_wrong_and_disabled_get_the_same_response(client, account, users, sample):
    wrong = login(client, password="wrong")
    unknown = login(client, "ghost")
    users.create("root", "hash", ["users:admin"])
    users.change("ana", UserChange(disabled=True))
    disabled = login(client)

    def visible(response):
        body = {name: value for name, value in response.json().items() if name != "request_id"}
        headers = {name: value for name, value in response.headers.items() if name != "x-request-id"}
        return response.status_code, body, headers

    assert visible(wrong) == visible(unknown) == visible(disabled)
    assert wrong.status_code == 401
    assert sample("espalier_auth_failures_total", reason="invalid_credentials") == 3


def test_throttled_login_has_retry_after(client, account, sample):
    for _ in range(5):
        login(client, password="wrong")

    response = login(client)

    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    assert sample("espalier_auth_failures_total", reason="too_many_logins") == 1


@pytest.mark.parametrize("data", [{}, {"username": "ana"}, {"username": "ana", "password": "x", "grant_type": "code"}])
def test_malformed_form_is_refused(client, data):
    assert client.post("/v1/auth/token", data=data).status_code == 422


def refresh(client, token, **more):
    return client.post("/v1/auth/refresh", data={"refresh_token": token, **more})


def log_out(client, token, **more):
    return client.post("/v1/auth/logout", data={"refresh_token": token, **more})


def test_refresh_token_is_exchanged_for_both_tokens(client, account):
    first = login(client).json()

    response = refresh(client, first["refresh_token"], grant_type="refresh_token")

    second = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert second["refresh_token"] != first["refresh_token"]
    assert second["scope"] == first["scope"]
    assert (second["expires_in"], second["refresh_expires_in"]) == (900, 86_400)
    assert client.get("/v1/model", headers={"Authorization": f"Bearer {second['access_token']}"}).status_code == 200


def test_refreshed_token_has_no_more_scopes_than_the_login(client, account):
    first = login(client, scope="predict model:read").json()

    fewer = refresh(client, first["refresh_token"], scope="predict users:admin").json()
    all_ = refresh(client, fewer["refresh_token"]).json()

    assert fewer["scope"] == "predict"
    assert all_["scope"] == "model:read predict", "fewer scopes are of one access token"


def test_refresh_token_can_be_used_once(client, account, sample):
    first = login(client).json()["refresh_token"]
    second = refresh(client, first).json()["refresh_token"]

    reused = refresh(client, first)
    after = refresh(client, second)

    assert (reused.status_code, after.status_code) == (401, 401)
    assert reused.json()["code"] == after.json()["code"] == "invalid_refresh_token"
    assert reused.headers["www-authenticate"] == 'Bearer error="invalid_refresh_token"'
    assert sample("espalier_auth_failures_total", reason="invalid_refresh_token") == 2


def test_logout_ends_the_session(client, account):
    token = login(client).json()["refresh_token"]

    assert log_out(client, token).status_code == 204
    assert refresh(client, token).status_code == 401
    assert log_out(client, token).status_code == 204, "ended already"


def test_logout_everywhere_ends_other_sessions_and_access_tokens(client, account):
    one, other = login(client).json(), login(client).json()

    assert log_out(client, one["refresh_token"], everywhere=True).status_code == 204

    assert refresh(client, other["refresh_token"]).status_code == 401
    client.app.state.services.revocations.refresh()
    assert client.get("/v1/model", headers={"Authorization": f"Bearer {other['access_token']}"}).status_code == 401


@pytest.mark.parametrize("path", ["/v1/auth/refresh", "/v1/auth/logout"])
@pytest.mark.parametrize("data", [{}, {"refresh_token": "x" * 201}])
def test_malformed_refresh_form_is_refused(client, path, data):
    assert client.post(path, data=data).status_code == 422


def test_other_grant_is_refused(client, account):
    token = login(client).json()["refresh_token"]

    assert refresh(client, token, grant_type="password").status_code == 422
    assert refresh(client, token).status_code == 200, "it has not been used"


def test_sessions_last_as_long_as_the_settings_say(make_client, make_settings, account):
    client = make_client(make_settings(session_idle_seconds=120, session_max_seconds=60))

    assert login(client).json()["refresh_expires_in"] == 60


def test_public_keys_are_published(client):
    response = client.get("/.well-known/jwks.json")

    assert response.headers["cache-control"] == "public, max-age=300"
    assert [key["kty"] for key in response.json()["keys"]] == ["OKP"]
    assert "d" not in response.json()["keys"][0]


@pytest.mark.parametrize("charset", ["unicode_escape", "raw_unicode_escape"])
def test_form_with_lone_surrogates_is_a_wrong_login(client, charset):
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n\\ud800\r\n'
    body = "".join(part.format(name) for name in ("username", "password")) + "--b--\r\n"
    kind = f"multipart/form-data; boundary=b; charset={charset}"

    response = client.post("/v1/auth/token", content=body.encode(), headers={"content-type": kind})

    assert response.status_code == 401
    assert response.json()["code"] == "invalid_credentials"
