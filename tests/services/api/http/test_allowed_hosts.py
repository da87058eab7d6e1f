import pytest

from services.api.http.allowed_hosts import AllowedHosts


@pytest.mark.parametrize(
    ("names", "header", "allowed"),
    [
        (["api.example.org"], "API.example.org:8443", True),
        (["API.example.org"], "api.example.org", True),
        (["api.example.org"], "api.example.org.evil", False),
        (["::1"], "[::1]:80", True),
        (["::1"], "[::2]", False),
        (["*"], "anything", True),
        (["api.example.org"], "", False),
        ([], "localhost", False),
    ],
)
def test_names_are_compared_without_case_and_port(names, header, allowed):
    assert AllowedHosts(names).allow(header) is allowed
