"""Rights of the trainer's account: one annotation of one Deployment, one Lease, and nothing else."""

import json

import pytest

from bundle.vocabulary import VERSION_ANNOTATION
from espalier.cluster.errors import CommandRefused
from tests.e2e.platform import RELEASE

API = f"{RELEASE}-api"
LEASE = f"{RELEASE}-training-promotion"
GRANTED_TO_ALL = {"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "clustertrustbundles"}
"""Resources that every account may ask for, by Kubernetes' own defaults."""


@pytest.fixture
def as_trainer(platform):
    account = f"system:serviceaccount:{platform.kube.namespace}:{RELEASE}-training"

    def kubectl(*arguments):
        return platform.kube.kubectl("--as", account, *arguments)

    return kubectl


def test_account_has_two_rights(as_trainer):
    rules = [line.split() for line in as_trainer("auth", "can-i", "--list", "--no-headers").splitlines()]
    granted = [
        line
        for line in rules
        if line and line[0].partition(".")[0] not in GRANTED_TO_ALL and not line[0].startswith("[")
    ]

    assert sorted(" ".join(line) for line in granted) == [
        f"deployments.apps [] [{API}] [get patch]",
        f"leases.coordination.k8s.io [] [{LEASE}] [get update patch]",
    ]


@pytest.mark.parametrize(
    "attempt",
    [
        ("get", "secrets"),
        ("get", "secret", f"{RELEASE}-api"),
        ("get", "pods"),
        ("get", "deployments"),
        ("get", "deployment", f"{RELEASE}-mlflow"),
        ("annotate", "deployment", f"{RELEASE}-mlflow", "a=b"),
        ("scale", "deployment", API, "--replicas=0"),
        ("delete", "deployment", API),
        ("exec", f"deployment/{API}", "--", "true"),
        ("create", "configmap", "mine"),
        ("get", "leases"),
        ("delete", "lease", LEASE),
        ("get", "lease", "another"),
    ],
    ids=" ".join,
)
def test_other_request_is_forbidden(as_trainer, attempt):
    with pytest.raises(CommandRefused, match=r"(?i)forbidden|cannot"):
        as_trainer(*attempt)


def template(**spec):
    return {"spec": {"template": {"spec": spec}}}


PATCHES = {
    "image": template(containers=[{"name": "api", "image": "evil:1"}]),
    "command": template(containers=[{"name": "api", "command": ["sh"]}]),
    "environment": template(containers=[{"name": "api", "env": [{"name": "API_DOCS_ENABLED", "value": "true"}]}]),
    "another container": template(containers=[{"name": "evil", "image": "evil:1"}]),
    "account": template(serviceAccountName=f"{RELEASE}-training"),
    "token": template(automountServiceAccountToken=True),
    "volume": template(volumes=[{"name": "more", "secret": {"secretName": f"{RELEASE}-postgresql"}}]),
    "security": template(securityContext={"runAsNonRoot": False}),
    "replicas": {"spec": {"replicas": 0}},
    "strategy": {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": "100%"}}}},
    "labels": {"metadata": {"labels": {"mine": "yes"}}},
    "annotations of the Deployment": {"metadata": {"annotations": {"mine": "yes"}}},
    "other annotation": {"spec": {"template": {"metadata": {"annotations": {"mine": "yes"}}}}},
    "annotation and image": {
        "spec": {
            "template": {
                "metadata": {"annotations": {VERSION_ANNOTATION: "1"}},
                "spec": {"containers": [{"name": "api", "image": "evil:1"}]},
            }
        }
    },
    "version that is not a number": {
        "spec": {"template": {"metadata": {"annotations": {VERSION_ANNOTATION: "latest; rm"}}}}
    },
}


@pytest.mark.parametrize("what", PATCHES)
def test_other_patch_is_denied(platform, as_trainer, what):
    before = platform.deployment()["spec"]
    with pytest.raises(CommandRefused, match="ValidatingAdmissionPolicy"):
        as_trainer("patch", "deployment", API, "--type=strategic", "-p", json.dumps(PATCHES[what]))

    assert platform.deployment()["spec"] == before


def test_promotion_lease_is_readable_and_writable(as_trainer):
    assert LEASE in as_trainer("get", "lease", LEASE, "-o", "name")
    patch = json.dumps({"spec": {"holderIdentity": "me"}})

    assert "patched" in as_trainer("patch", "lease", LEASE, "--type=merge", "--dry-run=server", "-p", patch)


def test_helm_upgrade_keeps_the_lease_holder(platform, upgrade):
    def holder():
        return platform.kube.get("lease", LEASE).get("spec", {}).get("holderIdentity")

    before = holder()
    try:
        platform.kube.kubectl("patch", "lease", LEASE, "--type=merge", "-p", '{"spec": {"holderIdentity": "a run"}}')
        upgrade("training.schedule.timeZone=Europe/Berlin")

        assert holder() == "a run"
    finally:
        spec = json.dumps({"spec": {"holderIdentity": before}})
        platform.kube.kubectl("patch", "lease", LEASE, "--type=merge", "-p", spec)


def test_annotation_is_writable(platform, as_trainer):
    patch = {"spec": {"template": {"metadata": {"annotations": {VERSION_ANNOTATION: platform.annotation()}}}}}

    assert "patched" in as_trainer("patch", "deployment", API, "--type=merge", "-p", json.dumps(patch))
