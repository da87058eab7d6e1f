import pytest

from services.api.http.middleware import PROBES


def routes_of(client):
    document = client.get("/openapi.json").json()
    return [(path, method) for path, by in document["paths"].items() for method in by]


WITHOUT_A_SCOPE = {("/v1/users/me/password", "post")}
"""Routes that need a token, but no scope."""

LOGIN = {(f"/v1/auth/{name}", "post") for name in ("token", "refresh", "logout", "password")}
OPEN = {*LOGIN, ("/.well-known/jwks.json", "get"), *((path, "get") for path in PROBES)}


def filled(path):
    """A path with a value for each parameter."""
    return path.format(name="ana", model_name="orchard", model_version="7")


def test_every_route_but_the_open_ones_needs_a_token(client):
    closed = set(routes_of(client)) - OPEN
    in_no_schema = {route.path for route in client.app.routes if not getattr(route, "include_in_schema", True)}

    assert len(closed) >= 5
    assert {path.split("/")[1] for path in in_no_schema} == {"docs", "openapi.json"}
    assert client.get("/v2/").status_code == 401
    for path, method in closed:
        assert client.request(method, filled(path), json={}).status_code == 401, path


def test_every_closed_route_needs_its_scope(client, bearer):
    scopes = {"/v1/predict": "predict", "/v1/feedback": "feedback:write", "/v1/model": "model:read"}
    for path, _ in routes_of(client):
        if path.startswith("/v2"):
            scopes[path] = "predict" if path.endswith(("/infer", "/ready")) else "model:read"
    for path, method in set(routes_of(client)) - OPEN - WITHOUT_A_SCOPE:
        needed = scopes.get(path, "users:admin")
        others = [scope for scope in ("predict", "model:read", "users:admin") if scope != needed]
        user = {"name": "bob", "password": "x" * 20, "scopes": ["predict"]}
        body = user if path == "/v1/users" else {"disabled": True}

        response = client.request(method, filled(path), json=body, headers=bearer(*others))

        assert response.status_code == 403, path
        assert needed in response.text


def test_refusals_are_counted(client, bearer, sample):
    client.get("/v1/model")
    client.get("/v1/model", headers=bearer("predict"))

    assert sample("espalier_auth_failures_total", reason="invalid_token") == 1
    assert sample("espalier_auth_failures_total", reason="insufficient_scope") == 1


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/metrics", "/redoc"])
def test_pages_and_metrics_are_not_public_by_default(make_client, make_settings, path):
    assert make_client(make_settings(docs_enabled=False)).get(path).status_code == 404


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/auth/token/"), ("GET", "/v1/model/"), ("GET", "/healthz/")])
def test_trailing_slash_is_not_redirected(client, method, path):
    response = client.request(method, path, follow_redirects=False)

    assert response.status_code == 404
    assert "location" not in response.headers
