import pytest


def read(client, headers, **query):
    return client.get("/v1/audit", params=query, headers=headers)


@pytest.fixture
def bob(client, bearer, account):
    new = {"name": "bob", "password": "seven slow herons landing", "scopes": ["predict"]}
    client.post("/v1/users", json=new, headers=bearer())
    client.patch("/v1/users/bob", json={"disabled": True}, headers=bearer())


def test_administrator_reads_who_did_what_to_whom_and_from_where(client, bob, bearer):
    changed, created, first = read(client, bearer()).json()

    assert changed["id"] > created["id"] > first["id"]
    assert (changed["subject"], changed["action"], changed["target"]) == ("ana", "user changed", "bob")
    assert (changed["changes"], changed["address"]) == ({"disabled": True}, "testclient")
    assert (first["subject"], first["target"]) == ("", "ana"), "the operator created her in the database"


def test_older_entries_follow(client, bob, bearer):
    (newest,) = read(client, bearer(), limit=1).json()

    assert [entry["action"] for entry in read(client, bearer(), before=newest["id"], target="bob").json()] == [
        "user created"
    ]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"before": 0}, {"before": 2**63}, {"target": "x" * 65}]
)
def test_query_outside_the_contract_is_refused(client, account, bearer, query):
    assert read(client, bearer(), **query).status_code == 422


def test_only_administrators_read_it(client, account, bearer):
    assert read(client, bearer("predict")).status_code == 403
