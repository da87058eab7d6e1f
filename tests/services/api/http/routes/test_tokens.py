import pytest

from services.api.auth.users import UserChange


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
