"""Arguments that cannot be used are refused before anything is sent."""

import pytest

from espalier import AsyncClient, Client
from espalier.client import InvalidInput

WHO = {"username": "ana", "password": "medlar"}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("url", "options", "reason"),
    [
        ("localhost:8443", WHO, "is not the URL of an API"),
        ("ftp://api", WHO, "is not the URL of an API"),
        ("https://", WHO, "is not the URL of an API"),
        ("https://ana:medlar@api", WHO, "pass username and password instead"),
        ("https://api:port", WHO, "is not a URL"),
        ("https://api", {}, "username and password, or token"),
        ("https://api", {"username": "ana"}, "username and password, or token"),
        ("https://api", {"password": "medlar"}, "username and password, or token"),
        ("https://api", {**WHO, "token": "t"}, "username and password, or token"),
        ("https://api", {**WHO, "ca": "absent.pem"}, "absent.pem not found"),
    ],
)
def test_unusable_arguments_are_refused(kind, url, options, reason):
    with pytest.raises(InvalidInput, match=reason) as caught:
        kind(url, **options)

    assert "medlar" not in str(caught.value)


def test_url_may_end_in_a_slash_and_have_a_path():
    assert Client("https://api/models/", **WHO)._connection.login().request().url == "https://api/models/v1/auth/token"
    assert repr(Client("https://api/", token="t")) == "Client('https://api')"
