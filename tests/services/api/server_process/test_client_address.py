"""The client address of a request comes from trusted proxies only."""

import json

import pytest

from tests.services.api.server_process.running import end, wait_until_ready

FORGED = "1.2.3.4"
REAL = "203.0.113.9"
PROXY = "198.51.100.2"


BEHIND_PROXIES = [
    ([f"{FORGED}, {REAL}"], REAL),
    ([FORGED, REAL], REAL),  # in two lines
    ([f"{FORGED}, {REAL}, {PROXY}"], REAL),
    ([f"{FORGED}, {REAL}, 192.0.2.1"], "192.0.2.1"),
]


@pytest.mark.parametrize(
    ("trusted", "requests"),
    [(f"127.0.0.1,{PROXY}/32", BEHIND_PROXIES), ("10.0.0.1", [([FORGED], "127.0.0.1")])],
    ids=["proxies", "no proxy"],
)
def test_forged_address_changes_nothing(start, secure, trusted, requests):
    process = start(API_FORWARDED_ALLOW_IPS=trusted, API_WORKERS="1")
    wait_until_ready(secure, process)

    for sent, _ in requests:
        headers = [("Connection", "close"), *(("X-Forwarded-For", value) for value in sent)]
        data = {"username": "ghost", "password": "wrong"}
        assert secure.post("/v1/auth/token", data=data, headers=headers).status_code == 401

    lines = [json.loads(line) for line in end(process).splitlines() if line.startswith("{")]
    for message in ("request", "login failed"):
        seen = [line["address"] for line in lines if line["message"] == message]
        assert seen == [counts_as for _, counts_as in requests]
