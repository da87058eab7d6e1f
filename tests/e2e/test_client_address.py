"""Through the real ingress: X-Forwarded-For from a client changes neither its address in the log nor the throttle."""

import json
import secrets
import time

from tests.e2e.platform import API

TRIES = 8
"""More than an account has from one address."""


def test_forged_client_address_changes_nothing(platform, note):
    name = f"ghost-{secrets.token_hex(4)}"
    statuses = []
    with platform.client() as client:
        for number in range(TRIES):
            forged = f"192.0.2.{number + 1}"
            headers = {"X-Forwarded-For": forged, "X-Real-Ip": forged, "Forwarded": f"for={forged}"}
            data = {"username": name, "password": "wrong"}
            statuses.append(client.post("/v1/auth/token", data=data, headers=headers).status_code)

    addresses = {line["address"] for line in failed_logins(platform, name)}
    note(f"forged X-Forwarded-For: answers {statuses}, addresses in the log {sorted(addresses)}")
    assert statuses == [401] * 5 + [429] * (TRIES - 5)
    assert len(addresses) == 1
    assert not [address for address in addresses if address.startswith("192.0.2.")]


def test_address_is_the_client_s_and_not_the_ingress_controller_s(platform):
    name = f"ghost-{secrets.token_hex(4)}"
    with platform.client() as client:
        client.post("/v1/auth/token", data={"username": name, "password": "wrong"})

    (line,) = failed_logins(platform, name)
    trusted = platform.kube.get("configmap", "espalier-api")["data"]["API_FORWARDED_ALLOW_IPS"].split(",")
    assert line["address"] not in trusted


def failed_logins(platform, name):
    """Lines about this name, of every pod; they take a moment."""
    for _ in range(20):
        text = platform.kube.kubectl("logs", "-l", API, "-c", "api", "--tail=-1")
        lines = [json.loads(line) for line in text.splitlines() if f'"subject": "{name}"' in line]
        found = [line for line in lines if line["message"] == "login failed"]
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"no pod has logged a failed login of {name}")
