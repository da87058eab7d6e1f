"""The user's own variables, volumes, labels, ServiceAccounts and certificate authorities."""

import helm_python
import pytest

from tests.charts.rendering import containers, of_kind, only, pods, render

PARTS = ("api", "mlflow", "postgresql", "object-store")
CA_VARIABLES = {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "PGSSLROOTCERT"}
EXTRAS = {
    "extraEnv": [{"name": "TEAM", "value": "{{ .Release.Name }}-team"}],
    "extraEnvFrom": [{"configMapRef": {"name": "shared"}}],
    "extraVolumes": [{"name": "store", "csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": True}}],
    "extraVolumeMounts": [{"name": "store", "mountPath": "/mnt/store", "readOnly": True}],
    "podLabels": {"cost-center": "7"},
    "podAnnotations": {"example.com/scrape": "no"},
    "runtimeClassName": "gvisor",
    "priorityClassName": "high",
}


def server(objects, part):
    """Pod template of a part's Deployment or StatefulSet."""
    (found,) = (pod for name, pod in pods(objects) if name.split("/") in (["Deployment", part], ["StatefulSet", part]))
    return found


def main(pod):
    return pod["spec"]["containers"][0]


@pytest.mark.parametrize("part", PARTS)
def test_pods_get_the_user_s_extras(part):
    plain, pod = (server(render({part: more}), f"espalier-{part}") for more in ({}, EXTRAS))

    assert pod["metadata"]["labels"] == plain["metadata"]["labels"] | {"cost-center": "7"}
    assert pod["metadata"]["annotations"]["example.com/scrape"] == "no"
    assert set(plain["metadata"].get("annotations", {})) <= set(pod["metadata"]["annotations"])
    assert pod["spec"]["volumes"] == [*plain["spec"]["volumes"], *EXTRAS["extraVolumes"]]
    assert (pod["spec"]["runtimeClassName"], pod["spec"]["priorityClassName"]) == ("gvisor", "high")
    assert main(pod)["env"] == [*main(plain).get("env", []), {"name": "TEAM", "value": "espalier-team"}]
    assert main(pod)["envFrom"] == [*main(plain).get("envFrom", []), *EXTRAS["extraEnvFrom"]]
    assert main(pod)["volumeMounts"] == [*main(plain)["volumeMounts"], *EXTRAS["extraVolumeMounts"]]


@pytest.mark.parametrize("part", PARTS)
def test_selector_labels_cannot_be_overridden(part):
    with pytest.raises(helm_python.HelmError, match="invalid propertyName"):
        render({part: {"podLabels": {"app.kubernetes.io/name": "other"}}})


@pytest.mark.parametrize("part", PARTS)
def test_service_account_name_and_annotations(part):
    account = {"name": "mine", "annotations": {"example.com/role": "reader"}}
    objects = render({part: {"serviceAccount": account}})

    found = only(objects, "ServiceAccount", "mine")
    assert found["metadata"]["annotations"] == {"example.com/role": "reader"}
    assert found["automountServiceAccountToken"] is False
    assert server(objects, f"espalier-{part}")["spec"]["serviceAccountName"] == "mine"
    assert not of_kind(objects, "ServiceAccount", f"espalier-{part}")


@pytest.mark.parametrize("part", PARTS)
def test_existing_service_account_is_used(part):
    objects = render({part: {"serviceAccount": {"create": False, "name": "theirs"}}})

    assert not of_kind(objects, "ServiceAccount", "theirs")
    assert server(objects, f"espalier-{part}")["spec"]["serviceAccountName"] == "theirs"
    with pytest.raises(helm_python.HelmError, match=rf"{part}\.serviceAccount\.name has to name"):
        render({part: {"serviceAccount": {"create": False}}})


@pytest.mark.parametrize(("kind", "name"), [("configMap", "name"), ("secret", "secretName")])
@pytest.mark.parametrize("part", ["api", "mlflow"])
def test_ca_bundle_reaches_every_container(part, kind, name):
    bundle = {kind: "company-ca", "key": "roots.pem"}
    pod = server(render({"global": {"espalier": {"caBundle": bundle}}}), f"espalier-{part}")

    (volume,) = (one for one in pod["spec"]["volumes"] if one["name"] == "ca-bundle")
    assert volume[kind][name] == "company-ca"
    assert volume[kind]["items"] == [{"key": "roots.pem", "path": "ca.crt"}]
    for container in containers(pod):
        (mount,) = (one for one in container["volumeMounts"] if one["name"] == "ca-bundle")
        values = {one["name"]: one.get("value") for one in container["env"] if one["name"] in CA_VARIABLES}
        assert values == dict.fromkeys(CA_VARIABLES, f"{mount['mountPath']}/ca.crt")


def test_two_ca_bundles_are_refused():
    with pytest.raises(helm_python.HelmError, match="set only one of them"):
        render({"global": {"espalier": {"caBundle": {"configMap": "a", "secret": "b"}}}})
