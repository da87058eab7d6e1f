"""Which address a request counts as: what a trusted proxy says, and nothing that a client writes."""

import json

import pytest

from tests.services.api.process.running import end, wait_until_ready

FORGED = "1.2.3.4"
REAL = "203.0.113.9"
PROXY = "198.51.100.2"


@pytest.mark.parametrize(
    ("trusted", "sent", "counts_as"),
    [
        ("127.0.0.1", [f"{FORGED}, {REAL}"], REAL),
        ("127.0.0.1", [FORGED, REAL], REAL),
        (f"127.0.0.1,{PROXY}/32", [f"{FORGED}, {REAL}, {PROXY}"], REAL),
        ("127.0.0.1", [f"{FORGED}, {REAL}, {PROXY}"], PROXY),
        ("10.0.0.1", [FORGED], "127.0.0.1"),
    ],
    ids=["added to", "in two lines", "two proxies", "one hop too many", "no proxy"],
)
def test_forged_address_changes_nothing(start, secure, trusted, sent, counts_as):
    process = start(API_FORWARDED_ALLOW_IPS=trusted, API_WORKERS="1")
    wait_until_ready(secure, process)

    for _ in range(2):
        headers = [("Connection", "close"), *(("X-Forwarded-For", value) for value in sent)]
        data = {"username": "ghost", "password": "wrong"}
        assert secure.post("/v1/auth/token", data=data, headers=headers).status_code == 401

    lines = [json.loads(line) for line in end(process)[0].splitlines() if line.startswith("{")]
    seen = [line["address"] for line in lines if line["message"] in {"request", "login failed"}]
    assert seen == [counts_as] * 4
