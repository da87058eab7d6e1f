"""The caller is authenticated before the body is read."""

import pytest

from services.api.errors import InvalidToken
from services.api.http.callers import CallerCheck


@pytest.fixture
def check(client):
    services = client.app.state.services
    return CallerCheck(services.tokens, services.metrics)


def scope_of(headers, path="/v1/predict"):
    return {"path": path, "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]}


def test_valid_token_is_accepted(check, bearer):
    check(scope_of(bearer("predict")))


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic YTpi"}])
def test_caller_without_a_valid_token_is_refused_and_counted(check, sample, headers):
    with pytest.raises(InvalidToken):
        check(scope_of(headers))

    assert sample("espalier_auth_failures_total", reason="invalid_token") == 1


def test_login_is_open(check):
    check(scope_of({}, path="/v1/auth/token"))
