"""A release signed with a key, as where the public Sigstore cannot be used."""

import pytest

from tests.ci.release_registry.private_sigstore import COMMIT
from tests.ci.release_registry.releases import OLDER, PARTS, REPOSITORY, VERSION

pytestmark = pytest.mark.slow

NO_SERVICES = '{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}'


@pytest.fixture(scope="module")
def keys(tools, tmp_path_factory, make_release, registry):
    """Two versions signed with the same key, and the folder of the keys."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "signing-config.json").write_text(NO_SERVICES)
    signer = {"COSIGN_KEY": f"{folder}/release.key", "COSIGN_SIGNING_CONFIG": f"{folder}/signing-config.json"}
    releases = []
    for version in (VERSION, OLDER):
        ref = f"refs/tags/v{version}"
        job = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_SHA": COMMIT, "GITHUB_REF": ref}
        job["GITHUB_WORKFLOW_REF"] = f"{REPOSITORY}/.github/workflows/release.yml@{ref}"
        made = make_release(f"{registry}/keys", version, job)
        if not releases:
            for name in ("release", "other"):
                made.tool("cosign", "generate-key-pair", "--output-key-prefix", f"{folder}/{name}")
        made.push()
        made.publish(**signer)
        releases.append(made)
    return *releases, folder


def verifier(folder, name):
    return {"COSIGN_KEY": f"{folder}/{name}.pub", "COSIGN_INSECURE_IGNORE_TLOG": "true"}


def test_release_is_verified_with_the_public_key(keys):
    release, _older, folder = keys

    done = release.run("verify", **verifier(folder, "release"))

    assert done.returncode == 0, done.stderr
    assert len((release.folder / "dist/digests.yaml").read_text().splitlines()) == len(PARTS)


def test_release_is_refused_with_another_key(keys):
    release, _older, folder = keys

    release.refused(**verifier(folder, "other"))


@pytest.mark.parametrize("part", ["api", "chart"])
def test_older_version_signed_with_the_same_key_is_refused(keys, part):
    release, older, folder = keys

    with release.tagged(part, older.digests[part]):
        assert "missing or incorrect annotation" in release.refused(**verifier(folder, "release"))
