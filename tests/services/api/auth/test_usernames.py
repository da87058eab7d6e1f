import re

import pytest

from services.api.auth.usernames import USER_NAME_PATTERN, is_user_name


@pytest.mark.parametrize("name", ["a", "ana", "0", "ana.b_c@d-e", "a" * 64])
def test_name_is_allowed(name):
    assert is_user_name(name)


@pytest.mark.parametrize("name", ["", "Ana", "-ana", "a b", "a" * 65, "a\n", "\na", "\u0430na", "a\0"])
def test_name_is_not_allowed(name):
    assert not is_user_name(name)


def test_openapi_has_the_user_name_rule(client):
    schema = client.get("/openapi.json").json()["components"]["schemas"]["NewUser"]["properties"]["name"]

    assert schema["pattern"] == f"^{USER_NAME_PATTERN}$"
    assert re.fullmatch(schema["pattern"], "ana")
