"""The steps of a release that handle images; scripts that log their calls replace docker, cosign and helm.

tests/ci/release_registry runs them with the real programs.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.small_project import ROOT

DIGEST = "sha256:" + "a" * 64
SIGNED = json.dumps([{"critical": {"image": {"docker-manifest-digest": DIGEST}}}])
STUB = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
with (folder / "calls").open("a") as calls:
    calls.write(" ".join([{name!r}, *sys.argv[1:]]) + "\\n")
answers = json.loads((folder / "answers").read_text())
code, text = answers.get({name!r} + " " + sys.argv[1], (0, ""))
print(text)
sys.exit(code)
"""


class Release:
    def __init__(self, folder):
        self.folder = folder
        self.answer({})

    def answer(self, answers):
        (self.folder / "answers").write_text(json.dumps(answers))

    def run(self, step, **environment):
        known = {"PATH": f"{self.folder}:{os.environ['PATH']}", "REGISTRY": "ghcr.io/Somebody"}
        known |= {"GITHUB_REPOSITORY": "Somebody/espalier", "GITHUB_OUTPUT": str(self.folder / "output")}
        known |= {"GITHUB_REF": "refs/tags/v1.2.3", "GITHUB_SHA": "0" * 40}
        known["GITHUB_WORKFLOW_REF"] = "Somebody/espalier/.github/workflows/release.yml@refs/tags/v1.2.3"
        return subprocess.run(
            ["bash", str(self.folder / "project/.ci/release"), step],
            env={**known, "GITHUB_RUN_ID": "7", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self):
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def release(tmp_path, need):
    need("jq")
    for name in ("docker", "cosign", "helm"):
        (tmp_path / name).write_text(STUB.format(python=sys.executable, folder=str(tmp_path), name=name))
        (tmp_path / name).chmod(0o755)
    project = tmp_path / "project"
    (project / ".ci").mkdir(parents=True)
    (project / "charts/espalier").mkdir(parents=True)
    (project / ".ci/release").write_text((ROOT / ".ci/release").read_text())
    (project / "charts/espalier/Chart.yaml").write_text("version: 1.2.3\n")
    for part in ("api", "training", "mlflow"):
        (project / f"{part}.spdx.json").write_text("{}")
    (project / "dist").mkdir()
    (project / "dist/espalier-1.2.3.tgz").write_text("a chart")
    return Release(tmp_path)


@pytest.mark.parametrize(
    "server",
    [{}, {"GITHUB_SERVER_URL": "https://git.example.com", "OIDC_ISSUER": "https://git.example.com/_services/token"}],
)
def test_verify_expects_the_release_workflow_at_the_versions_tag(release, server):
    release.answer({"cosign verify": (0, SIGNED), "helm pull": (1, "stop here")})

    release.run("verify", VERSION="1.2.3", **server)

    repository = f"{server.get('GITHUB_SERVER_URL', 'https://github.com')}/Somebody/espalier"
    options = (
        f"--certificate-oidc-issuer={server.get('OIDC_ISSUER', 'https://token.actions.githubusercontent.com')} "
        f"--certificate-identity={repository}/.github/workflows/release.yml@refs/tags/v1.2.3"
    )
    chart = "ghcr.io/somebody/charts/espalier"
    assert [line for line in release.calls() if line.startswith("cosign")] == [
        f"cosign verify --output json --annotations version=1.2.3 {options} {chart}:1.2.3",
        f"cosign verify-attestation --type slsaprovenance1 {options} {chart}@{DIGEST}",
    ]


@pytest.mark.parametrize("failing", ["cosign verify", "cosign verify-attestation", "helm pull"])
def test_unsigned_release_is_refused(release, failing):
    release.answer({"cosign verify": (0, SIGNED)} | {failing: (1, "no signatures found")})
    left = [release.folder / "project/dist" / name for name in ("digests.yaml", "espalier-1.2.3.tgz")]
    for file in left:
        file.write_text("of an earlier run")

    assert release.run("verify", VERSION="1.2.3").returncode != 0
    assert not any(file.exists() for file in left)


def test_chart_that_changed_after_it_was_verified_is_refused(release):
    release.answer({"cosign verify": (0, SIGNED), "helm pull": (0, f"Digest: {DIGEST.replace('a', 'b')}")})

    done = release.run("verify", VERSION="1.2.3")

    assert done.returncode != 0
    assert f"the chart is not {DIGEST}, which was verified" in done.stderr


def test_signatures_of_several_digests_are_refused(release):
    other = SIGNED.replace("a" * 64, "b" * 64)
    release.answer({"cosign verify": (0, json.dumps([*json.loads(SIGNED), *json.loads(other)]))})

    done = release.run("verify", VERSION="1.2.3")

    assert done.returncode != 0
    assert "has signatures of several digests" in done.stderr


@pytest.mark.parametrize("version", ["1; touch pwned", "$(touch pwned)", "1.2.3 --insecure", "../1.2.3", "v1.2.3"])
def test_version_is_never_run_as_shell(release, version):
    done = release.run("verify", VERSION=version)

    assert done.returncode == 2
    assert "semantic version" in done.stderr
    assert release.calls() == []
    assert not list(release.folder.rglob("pwned"))


def test_publish_tags_and_signs_the_tested_digest(release):
    release.answer({"helm push": (0, f"Pushed: x\nDigest: {DIGEST}")})
    digests = {part: f"sha256:{number * 64}" for number, part in zip("123", ("API", "TRAINING", "MLFLOW"), strict=True)}

    done = release.run("publish", **digests)

    assert done.returncode == 0, done.stderr
    for part, digest in digests.items():
        name = f"ghcr.io/somebody/espalier/{part.lower()}"
        first = release.calls().index(
            f"cosign attest --yes --type spdxjson --predicate {part.lower()}.spdx.json {name}@{digest}"
        )
        assert release.calls()[first + 1 : first + 4] == [
            f"cosign attest --yes --type slsaprovenance1 --predicate dist/provenance.json {name}@{digest}",
            f"cosign sign --yes --annotations version=1.2.3 {name}@{digest}",
            f"docker buildx imagetools create --prefer-index=false --tag {name}:1.2.3 {name}@{digest}",
        ]
    assert (
        release.calls()[-1]
        == f"cosign sign --yes --annotations version=1.2.3 ghcr.io/somebody/charts/espalier@{DIGEST}"
    )
    assert (release.folder / "output").read_text() == f"chart={DIGEST}\n"


@pytest.mark.parametrize("step", ["pull", "publish"])
def test_step_without_a_digest_is_refused(release, step):
    done = release.run(step, API="latest")

    assert done.returncode != 0
    assert "API must be the digest of an image" in done.stderr
    assert release.calls() == []


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("mlflow.spdx.json", "mlflow.spdx.json must be the SBOM"),
        ("dist/espalier-1.2.3.tgz", "dist/espalier-1.2.3.tgz must be the chart: make chart"),
    ],
)
def test_publish_without_an_sbom_or_the_chart_is_refused(release, file, message):
    (release.folder / "project" / file).unlink()

    done = release.run("publish", API=DIGEST, TRAINING=DIGEST, MLFLOW=DIGEST)

    assert done.returncode != 0
    assert message in done.stderr
    assert release.calls() == []


def test_failed_push_of_the_chart_says_why(release):
    release.answer({"helm push": (1, "denied: no permission to write")})

    done = release.run("publish", API=DIGEST, TRAINING=DIGEST, MLFLOW=DIGEST)

    assert done.returncode != 0
    assert "denied: no permission to write" in done.stderr
