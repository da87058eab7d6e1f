"""Sessions through the ingress, where each request may reach another pod."""

import secrets
import time

import pytest

from espalier.cluster import release
from tests.e2e.platform import RELEASE

REVOKED_WITHIN = 60
"""Seconds, on every replica (docs/security.md)."""

REFRESHED_EVERY = 15
"""Seconds: a pod that still accepts the token reads the revocations within this time."""


@pytest.fixture
def user(platform):
    """A user of this test alone, with a password."""
    name, password = f"bob-{secrets.token_hex(3)}", secrets.token_urlsafe(18)
    release.create_user(platform.kube, RELEASE, name, password)
    yield name, password
    manage(platform, "delete", name)


def manage(platform, *arguments):
    command = ("exec", f"deployment/{RELEASE}-api", "-c", "api", "--", "espalier", "users", *arguments)
    return platform.kube.kubectl(*command)


def post(platform, path, **form):
    with platform.client() as client:  # on a new connection
        return client.post(path, data=form)


def log_in(platform, user):
    response = post(platform, "/v1/auth/token", username=user[0], password=user[1])
    assert response.status_code == 200, response.text
    return response.json()


def refresh(platform, tokens):
    return post(platform, "/v1/auth/refresh", refresh_token=tokens["refresh_token"])


def status(platform, tokens):
    with platform.client() as client:
        return client.get("/v1/model", headers={"authorization": f"Bearer {tokens['access_token']}"}).status_code


def test_session_goes_on_in_every_pod_until_a_token_is_used_again(platform, user):
    assert len(platform.api_pods()) > 1
    first = tokens = log_in(platform, user)
    for _ in range(10):
        response = refresh(platform, tokens)
        assert response.status_code == 200, response.text
        tokens = response.json()
    assert status(platform, tokens) == 200

    assert refresh(platform, first).status_code == 401

    assert refresh(platform, tokens).status_code == 401, "the session has ended in every pod"


def test_logout_ends_the_session(platform, user):
    tokens = log_in(platform, user)

    assert post(platform, "/v1/auth/logout", refresh_token=tokens["refresh_token"]).status_code == 204

    assert refresh(platform, tokens).status_code == 401


def test_disabled_user_is_out_within_a_minute_on_every_pod(platform, user, note):
    tokens = log_in(platform, user)
    assert status(platform, tokens) == 200

    manage(platform, "disable", user[0])
    began = time.monotonic()

    assert refresh(platform, tokens).status_code == 401, "sessions end at once"
    last_accepted = 0.0
    while time.monotonic() - began < last_accepted + REFRESHED_EVERY + 5:
        if status(platform, tokens) == 200:
            last_accepted = time.monotonic() - began
        time.sleep(0.5)
    note(f"a disabled user's access token was last accepted after {last_accepted:.0f} s")
    assert last_accepted < REVOKED_WITHIN


def test_forgotten_password_is_set_with_a_code(platform, user):
    code = manage(platform, "reset", user[0]).strip()
    new = secrets.token_urlsafe(18)

    with platform.client() as client:
        body = {"name": user[0], "code": code, "new_password": new}
        assert client.post("/v1/auth/password", json=body).status_code == 204
        assert client.post("/v1/auth/password", json=body).status_code == 401

    assert log_in(platform, (user[0], new))["scope"] == "feedback:write model:read predict"
