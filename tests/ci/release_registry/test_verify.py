"""`.ci/release verify` accepts a release as it was published, and refuses each change that the registry allows."""

import pytest

from tests.ci.release_registry.releases import PARTS, REPOSITORY, VERSION

pytestmark = pytest.mark.slow


def test_verify_gives_the_published_chart_and_the_tested_digests(release):
    package = release.folder / f"dist/espalier-{VERSION}.tgz"
    content = package.read_bytes()

    done = release.run("verify")

    assert done.returncode == 0, done.stderr
    assert (release.folder / "dist/digests.yaml").read_text().splitlines() == [
        f'{part}: {{image: {{digest: "{release.digests[part]}"}}}}' for part in PARTS
    ]
    assert package.read_bytes() == content


@pytest.mark.parametrize("part", PARTS)
def test_image_changed_after_signing_is_refused(release, part):
    with release.tagged(part, release.changed(part)):
        assert "no signatures found" in release.refused()


def test_signature_copied_to_another_image_is_refused(release):
    """The bundles of an image are found under a tag, which names the digest."""
    other, name = release.changed("api"), release.name("api")
    bundles = [f"{name}:{digest.replace(':', '-')}" for digest in (release.digests["api"], other)]
    release.tool("crane", "copy", *bundles)

    with release.tagged("api", other):
        release.refused()


@pytest.mark.parametrize("part", ["api", "chart"])
def test_older_release_under_the_versions_tag_is_refused(release, older, part):
    with release.tagged(part, older.digests[part]):
        release.refused()
    assert release.run("verify").returncode == 0


@pytest.mark.parametrize(
    ("repository", "ref", "workflow"),
    [
        ("Mallory/espalier", f"refs/tags/v{VERSION}", "release.yml"),
        (REPOSITORY, "refs/heads/main", "release.yml"),
        (REPOSITORY, f"refs/tags/v{VERSION}", "test.yml"),
    ],
)
def test_signature_of_another_identity_is_refused(release, sigstore, repository, ref, workflow):
    digest = release.changed("api")
    release.sign("api", digest, **sigstore.job(repository, ref, workflow))

    with release.tagged("api", digest):
        assert f'got "https://github.com/{repository}/.github/workflows/{workflow}@{ref}"' in release.refused()


@pytest.mark.parametrize("missing", ["slsaprovenance1", "spdxjson"])
def test_image_without_an_attestation_is_refused(release, missing):
    digest = release.changed("api")
    release.sign("api", digest, without=missing)

    with release.tagged("api", digest):
        assert f"none of the attestations matched the predicate type: {missing}" in release.refused()


def test_attestations_alone_are_no_signature(release):
    """cosign takes any bundle of the identity for a signature; the signed version tells them apart."""
    digest = release.changed("api")
    name = f"{release.name('api')}@{digest}"
    release.tool(
        *("cosign", "attest", "--yes", "--type", "slsaprovenance1", "--predicate", "dist/provenance.json", name)
    )

    with release.tagged("api", digest):
        assert "missing or incorrect annotation" in release.refused()


def test_signed_chart_of_another_version_is_refused(release):
    """Helm alone installs it: the tag is all that it asks for."""
    chart = release.folder / "other/espalier"
    chart.mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: espalier\nversion: 9.9.9\n")
    release.tool("helm", "package", str(chart), "--destination", "other")
    release.tool("helm", "push", "other/espalier-9.9.9.tgz", f"oci://{release.registry}/charts")
    digest = release.digest("chart", "9.9.9")
    release.sign("chart", digest)

    with release.tagged("chart", digest):
        assert f"the chart tagged {VERSION} is of another version" in release.refused()


def test_documented_commands_verify_an_image(release):
    """docs/release.md, "Verify one"."""
    signer = {
        "COSIGN_CERTIFICATE_OIDC_ISSUER": release.environment["OIDC_ISSUER"],
        "COSIGN_CERTIFICATE_IDENTITY": f"https://github.com/{REPOSITORY}/.github/workflows/release.yml@refs/tags/v{VERSION}",
    }
    image = f"{release.name('api')}:{VERSION}"

    release.tool("cosign", "verify", "--annotations", f"version={VERSION}", image, **signer)
    for kind in ("slsaprovenance1", "spdxjson"):
        release.tool("cosign", "verify-attestation", "--type", kind, image, **signer)
