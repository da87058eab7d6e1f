"""Run by `helm test` in the cluster: the API is ready, rejects requests without a token, and serves users."""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BASE = os.environ["SMOKE_URL"]
SECONDS = 10
READY_SECONDS = float(os.environ.get("SMOKE_READY_SECONDS", "60"))
PAUSE_SECONDS = 2
READY = 200


def call(method, path, *, form=None, token=None):
    """Return status and body, also of an error response."""
    body = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(BASE + path, data=body, method=method)  # noqa: S310 (the chart gives the URL)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None
    except OSError as error:  # no connection, or a timeout
        return f"unavailable ({error})", None


def expect(check, actual, expected):
    """Print the result, and exit at the first unexpected one."""
    sys.stdout.write(f"{check}: {actual}\n")
    if actual != expected:
        sys.exit(f"expected {expected}")


def wait_until_ready():
    """Return the last status of the readiness check. Network policies apply to a new pod after a delay."""
    end = time.monotonic() + READY_SECONDS
    while (status := call("GET", "/readyz")[0]) != READY and time.monotonic() < end:
        time.sleep(PAUSE_SECONDS)
    return status


def main():
    """Run the checks."""
    expect("ready", wait_until_ready(), READY)
    expect("public keys", call("GET", "/.well-known/jwks.json")[0], 200)
    expect("prediction without a token", call("POST", "/v1/predict")[0], 401)
    expect("metrics on the public port", call("GET", "/metrics")[0], 404)
    user, password = os.environ.get("SMOKE_USER"), os.environ.get("SMOKE_PASSWORD")
    if not user:
        sys.stdout.write("no user set (api.tests.existingSecret): the other checks are skipped\n")
        return
    form = {"grant_type": "password", "username": user, "password": password}
    status, answer = call("POST", "/v1/auth/token", form=form)
    expect("log in", status, 200)
    status, card = call("GET", "/v1/model", token=answer["access_token"])
    expect("model card", status, 200)
    sys.stdout.write(f"serving {card['name']} version {card['version']}\n")


main()
