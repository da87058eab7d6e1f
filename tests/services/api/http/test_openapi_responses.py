"""Headers and media types of the documented responses; that they are sent is tested with generated requests."""

import pytest


@pytest.fixture
def responses(client):
    """(status, response) of every operation."""
    paths = client.get("/openapi.json").json()["paths"]
    return [pair for by in paths.values() for operation in by.values() for pair in operation["responses"].items()]


def test_every_response_has_a_request_id(responses):
    assert all(response["headers"]["X-Request-ID"]["required"] for _, response in responses)


@pytest.mark.parametrize(("status", "name"), [("401", "WWW-Authenticate"), ("429", "Retry-After")])
def test_errors_have_the_headers_of_their_status(responses, status, name):
    found = [response for code, response in responses if code == status]

    assert found and all(response["headers"][name]["required"] for response in found)


def test_readiness_without_a_model_has_no_retry_after(client):
    paths = client.get("/openapi.json").json()["paths"]
    ready, predict = (
        paths[path][method]["responses"]["503"] for path, method in (("/readyz", "get"), ("/v1/predict", "post"))
    )

    assert "Retry-After" not in ready["headers"]
    assert "Retry-After" in predict["headers"]


def test_problems_are_described_in_their_own_media_type_only(responses):
    problems = [
        response["content"] for _, response in responses if "application/problem+json" in response.get("content", {})
    ]

    assert problems and all(set(content) == {"application/problem+json"} for content in problems)


@pytest.mark.parametrize("path", ["/v1/predict", "/v2/models/{model_name}/infer"])
def test_predictions_name_the_version(client, path):
    header = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]["200"]["headers"]["X-Model-Version"]

    assert header["schema"]["enum"] == ["7"]


@pytest.mark.parametrize("path", ["/v1/predict", "/v2/models/{model_name}/infer"])
def test_predictions_may_state_a_quota_and_nothing_else_does(client, path):
    paths = client.get("/openapi.json").json()["paths"]
    found = paths[path]["post"]["responses"]

    for status in ("200", "422", "429"):
        assert {"RateLimit", "RateLimit-Policy"} <= set(found[status]["headers"])
        assert "required" not in found[status]["headers"]["RateLimit"]
    assert "RateLimit" not in paths["/v1/auth/token"]["post"]["responses"]["429"]["headers"]
