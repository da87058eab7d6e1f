import base64
import json

import pytest

from espalier.cluster.errors import ClusterError
from espalier.cluster.secrets import SECRETS, ensure_secrets, evaluation_secrets

NO_SECRET = {"admin-user", "platform-url", "model-url", "heartbeat-url"}
"""The name of the first account, and addresses that are not configured yet."""


def test_secrets_are_created_once_and_all_together(tools, kube):
    assert ensure_secrets(kube, "mine", "localhost")

    (given,) = [given for _name, arguments, given in tools.calls if "create" in arguments]
    items = json.loads(given)["items"]
    assert [item["metadata"]["name"] for item in items] == sorted(
        (f"mine-{name}" for name in SECRETS), key=names(items)
    )
    assert {item["metadata"]["namespace"] for item in items} == {"here"}
    for item in items:
        assert all(base64.b64decode(value, validate=True) for value in item["data"].values())


def names(items):
    return [item["metadata"]["name"] for item in items].index


def test_existing_secrets_are_kept(tools, kube):
    tools.answer({"get secret": (0, "secret/there\n")})

    assert not ensure_secrets(kube, "mine", "localhost")
    assert not [line for line in tools.lines() if " create " in line]


def test_incomplete_secrets_are_rejected(tools, kube):
    tools.answer({"secret mine-mlflow ": (0, "secret/mine-mlflow\n")})

    with pytest.raises(ClusterError, match="mine-mlflow exist but mine-api, "):
        ensure_secrets(kube, "mine", "localhost")
    assert not [line for line in tools.lines() if " create " in line]


def test_secret_that_a_later_version_added_is_made_alone(tools, kube):
    tools.answer({f"secret mine-{name} ": (0, f"secret/mine-{name}\n") for name in SECRETS if name != "dask"})

    assert ensure_secrets(kube, "mine", "localhost")

    (given,) = [given for _name, arguments, given in tools.calls if "create" in arguments]
    (secret,) = json.loads(given)["items"]
    assert secret["metadata"]["name"] == "mine-dask" and set(secret["data"]) == {"ca.crt", "tls.crt", "tls.key"}


def test_values_are_random():
    one, other = evaluation_secrets("r", "localhost"), evaluation_secrets("r", "localhost")

    for name, content in one.items():
        for key, value in content.items():
            if key not in NO_SECRET:
                assert value != other[name][key], (name, key)


def test_alerts_go_to_the_configured_webhook():
    alerts = evaluation_secrets("r", "localhost", slack_url="https://hooks.example.com/T/B/x")["r-alerts"]

    assert alerts["platform-url"] == alerts["model-url"] == b"https://hooks.example.com/T/B/x"
