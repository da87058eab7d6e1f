"""The steps of a release that handle images; scripts that log their calls replace docker, cosign, gh and helm."""

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
    for name in ("docker", "cosign", "gh", "helm"):
        (tmp_path / name).write_text(STUB.format(python=sys.executable, folder=str(tmp_path), name=name))
        (tmp_path / name).chmod(0o755)
    project = tmp_path / "project"
    (project / ".ci").mkdir(parents=True)
    (project / "charts/espalier").mkdir(parents=True)
    (project / ".ci/release").write_text((ROOT / ".ci/release").read_text())
    (project / "charts/espalier/Chart.yaml").write_text("version: 1.2.3\n")
    return Release(tmp_path)


def test_verify_writes_the_verified_digests(release):
    release.answer({"cosign verify": (0, SIGNED)})

    done = release.run("verify", VERSION="1.2.3")

    assert done.returncode == 0, done.stderr
    lines = (release.folder / "project/dist/digests.yaml").read_text().splitlines()
    assert lines == [f'{part}: {{image: {{digest: "{DIGEST}"}}}}' for part in ("api", "training", "mlflow")]
    verified = [line for line in release.calls() if line.startswith("cosign verify")]
    assert [line.split()[-1] for line in verified] == [
        "ghcr.io/somebody/charts/espalier:1.2.3",
        *(f"ghcr.io/somebody/espalier/{part}:1.2.3" for part in ("api", "training", "mlflow")),
    ]
    identity = "https://github.com/Somebody/espalier/.github/workflows/release.yml@refs/tags/v1.2.3"
    assert all(f"--certificate-identity {identity}" in line for line in verified)
    assert len([line for line in release.calls() if line.startswith("gh attestation verify oci://")]) == 4


@pytest.mark.parametrize("failing", ["cosign verify", "gh attestation"])
def test_unsigned_release_is_refused(release, failing):
    release.answer({"cosign verify": (0, SIGNED)} | {failing: (1, "no signatures found")})

    assert release.run("verify", VERSION="1.2.3").returncode != 0
    assert not (release.folder / "project/dist/digests.yaml").exists()


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
        tagged = f"docker buildx imagetools create --prefer-index=false --tag {name}:1.2.3 {name}@{digest}"
        assert tagged in release.calls()
        assert f"cosign sign --yes {name}@{digest}" in release.calls()
    assert f"cosign sign --yes ghcr.io/somebody/charts/espalier@{DIGEST}" in release.calls()
    assert (release.folder / "output").read_text() == f"chart={DIGEST}\n"


@pytest.mark.parametrize("step", ["pull", "publish"])
def test_step_without_a_digest_is_refused(release, step):
    done = release.run(step, API="latest")

    assert done.returncode != 0
    assert "API must be the digest of an image" in done.stderr
    assert release.calls() == []
