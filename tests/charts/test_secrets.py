"""No credential has a default, and `make secrets` creates the Secrets that the chart needs."""

import json

import helm_python
import pytest

from espalier.cluster.secrets import SECRETS as MADE
from espalier.cluster.secrets import evaluation_secrets
from tests.charts.rendering import SECRETS, VARIANTS, containers, manifests, merged, pods, render

NEEDED = {
    "api.existingSecret": ("api", "existingSecret"),
    "api.model.existingSecret": ("api", "model", "existingSecret"),
    "mlflow.existingSecret": ("mlflow", "existingSecret"),
    "training.existingSecret": ("training", "existingSecret"),
    "training.publicKeysSecret": ("training", "publicKeysSecret"),
    "postgresql.existingSecret": ("postgresql", "existingSecret"),
    "object-store.existingSecret": ("object-store", "existingSecret"),
}


@pytest.fixture(scope="module")
def made():
    return evaluation_secrets("espalier", "localhost")


def asked_for(objects):
    """Yield every (Secret, key) that a pod mounts or reads; key is None if the whole Secret is mounted."""
    for _name, pod in pods(objects):
        for volume in pod["spec"].get("volumes", []):
            if "secret" in volume:
                for item in volume["secret"].get("items", [{"key": None}]):
                    yield volume["secret"]["secretName"], item["key"]
        for container in containers(pod):
            for variable in container.get("env", []):
                if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                    yield reference["name"], reference["key"]


@pytest.mark.parametrize("name", NEEDED)
def test_missing_secret_fails_with_the_command(name):
    *parents, last = NEEDED[name]
    without = {last: ""}
    for parent in reversed(parents):
        without = {parent: without}

    with pytest.raises(helm_python.HelmError, match=rf"(?s){name} is not set.*make secrets"):
        render(SECRETS, without, secrets=False)


def test_empty_values_fail_with_the_command():
    with pytest.raises(helm_python.HelmError, match="make secrets"):
        render({"global": SECRETS["global"]}, secrets=False)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_secret_is_rendered(variant):
    objects = render(*VARIANTS[variant])

    assert not [one for one in objects if one["kind"] == "Secret"]
    for text in ("PRIVATE KEY", "aws_secret", "://api:", 'secretKey"'):
        assert text not in json.dumps(objects)


def test_make_secrets_creates_every_secret_that_values_kind_uses(made):
    objects = [*render(*VARIANTS["kind"], secrets=False), *manifests().values()]

    for secret, key in asked_for(objects):
        assert secret in made
        assert key is None or key in made[secret]
    ingress = next(one for one in objects if one["kind"] == "Ingress")
    assert {"tls.crt", "tls.key"} <= set(made[ingress["spec"]["tls"][0]["secretName"]])


def test_list_of_secrets_is_complete(made):
    assert set(made) == {f"espalier-{name}" for name in MADE}


def test_client_and_server_credentials_match(made):
    for service, key in (("api", "database-url"), ("mlflow", "database-uri")):
        password = made["espalier-postgresql"][f"{service}-password"].decode()
        assert made[f"espalier-{service}"][key].decode() == (
            f"postgresql+psycopg://{service}:{password}@espalier-postgresql:5432/{service}"
        )
    for service in ("mlflow", "training"):
        assert made["espalier-object-store"]["secret-key"] in made[f"espalier-{service}"]["s3-credentials"]


def readers_of(objects, key):
    """Yield the containers that mount a volume with this key of espalier-training."""
    for name, pod in pods(objects):
        volumes = {
            volume["name"]
            for volume in pod["spec"].get("volumes", [])
            if volume.get("secret", {}).get("secretName") == "espalier-training"
            and key in [item["key"] for item in volume["secret"].get("items", [{"key": key}])]
        }
        for container in containers(pod):
            if volumes & {mount["name"] for mount in container.get("volumeMounts", [])}:
                yield name, container["name"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_gate_mounts_the_signing_key(made, variant):
    assert [name for name, content in made.items() if "model.key.pem" in content] == ["espalier-training"]

    assert set(readers_of(render(*VARIANTS[variant]), "model.key.pem")) == {("CronJob/espalier-training", "gate")}


def test_only_data_readers_mount_the_s3_credentials(made):
    assert set(readers_of(render(), "s3-credentials")) == {
        ("CronJob/espalier-training", "training"),
        ("CronJob/espalier-training-seed", "seed"),
    }


def test_every_secret_has_one_reader(made):
    """So a policy in a secret store can name one path for each."""
    readers = {}
    for name, pod in pods(render(*VARIANTS["kind"], secrets=False)):
        for secret, _key in asked_for([{"kind": "Pod", "metadata": {"name": name}, "spec": pod["spec"]}]):
            readers.setdefault(secret, set()).add(name)

    shared = {secret for secret, who in readers.items() if len(who) > 1}
    assert shared == {"espalier-model-keys", "espalier-training"}, "public keys, and the credentials of the data"
    jobs = ("training", "training-seed", "scoring")  # on the kind cluster, scoring has training's credentials
    assert readers["espalier-training"] == {f"CronJob/espalier-{name}" for name in jobs}
    assert merged(readers).keys() <= made.keys()
