"""The audit log of real requests."""

import pytest

PASSWORD = "seven slow herons landing"


def test_audit_log_has_the_change_and_no_password(client, account, bearer, caplog):
    caplog.set_level("INFO")
    new = {"name": "bob", "password": PASSWORD, "scopes": ["predict"]}
    client.post("/v1/users", json=new, headers=bearer())
    client.patch("/v1/users/bob", json={"disabled": True, "password": "eleven quiet otters"}, headers=bearer())
    client.patch("/v1/users/ghost", json={"scopes": ["predict"]}, headers=bearer())

    lines = [record for record in caplog.records if record.name == "espalier.api.audit"]
    assert [(line.message, line.subject, line.target, line.changes, line.address) for line in lines] == [
        ("user created", "ana", "bob", {"scopes": ["predict"]}, "testclient"),
        ("user changed", "ana", "bob", {"disabled": True, "password": "new"}, "testclient"),
        ("user administration refused", "ana", "ghost", {"scopes": ["predict"]}, "testclient"),
    ]
    assert lines[2].reason == "unknown_user"
    assert not any("otters" in str(vars(record)) or "herons" in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("name", ["x" * 500, "%00"])
def test_any_text_as_a_name_is_a_short_line(client, account, bearer, caplog, name):
    client.patch(f"/v1/users/{name}", json={"disabled": True}, headers=bearer())

    (line,) = [record for record in caplog.records if record.name == "espalier.api.audit"]
    assert len(line.target) <= 64
