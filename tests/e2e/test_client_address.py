"""Through the real ingress: a client's own X-Forwarded-For changes neither its address in the log nor the throttle."""

import json
import secrets
import time

from tests.e2e.platform import API

ATTEMPTS = 8
"""More than an account has from one address."""


def test_forged_client_address_is_ignored(platform, note):
    name = f"ghost-{secrets.token_hex(4)}"
    statuses = []
    with platform.client() as client:
        for number in range(ATTEMPTS):
            forged = f"192.0.2.{number + 1}"
            headers = {"X-Forwarded-For": forged, "X-Real-Ip": forged, "Forwarded": f"for={forged}"}
            data = {"username": name, "password": "wrong"}
            statuses.append(client.post("/v1/auth/token", data=data, headers=headers).status_code)

    addresses = {line["address"] for line in failed_logins(platform, name)}
    note(f"forged X-Forwarded-For: answers {statuses}, addresses in the log {sorted(addresses)}")
    assert statuses == [401] * 5 + [429] * (ATTEMPTS - 5)
    assert len(addresses) == 1
    assert not [address for address in addresses if address.startswith("192.0.2.")]


def test_logged_address_is_the_clients(platform):
    name = f"ghost-{secrets.token_hex(4)}"
    with platform.client() as client:
        client.post("/v1/auth/token", data={"username": name, "password": "wrong"})

    (line,) = failed_logins(platform, name)
    trusted = platform.kube.get("configmap", "espalier-api")["data"]["API_FORWARDED_ALLOW_IPS"].split(",")
    assert line["address"] not in trusted


def failed_logins(platform, name):
    """Return the log lines of every pod about this user name; they may arrive late."""
    for _ in range(20):
        text = platform.kube.kubectl("logs", "-l", API, "-c", "api", "--tail=-1")
        lines = [json.loads(line) for line in text.splitlines() if name in line]
        failed = [line for line in lines if line["message"] == "login failed" and line["subject"] == name]
        if failed:
            return failed
        time.sleep(0.5)
    raise AssertionError(f"no pod has logged a failed login of {name}")
