"""What `.ci/release` push, pull and publish leave in the registry."""

import pytest

from tests.ci.release_registry.private_sigstore import COMMIT
from tests.ci.release_registry.releases import PACKAGE, PARTS, REPOSITORY, VERSION

pytestmark = pytest.mark.slow


def test_tested_digests_get_the_versions_tag(release):
    assert set(release.digests) == {*PARTS, "chart"}
    for part in PARTS:
        assert release.digest(part, "candidate-7") == release.digest(part) == release.digests[part]
    assert release.digest("chart") == release.digests["chart"]


def test_pull_brings_the_pushed_images_under_the_names_of_the_tests(release):
    local = [f"espalier/{part}:{VERSION}" for part in PARTS]
    before = [release.tool("docker", "image", "inspect", "--format", "{{.Id}}", name) for name in local]
    release.tool("docker", "image", "rm", *local, *(f"{release.name(part)}:candidate-7" for part in PARTS))

    done = release.run("pull", **release.image_digests)

    assert done.returncode == 0, done.stderr
    assert [release.tool("docker", "image", "inspect", "--format", "{{.Id}}", name) for name in local] == before


def test_sbom_lists_the_packages_of_the_image(release):
    for part in PARTS:
        assert PACKAGE in {package["name"] for package in release.predicate(part, "spdxjson")["packages"]}


@pytest.mark.parametrize("part", [*PARTS, "chart"])
def test_provenance_names_workflow_tag_and_commit(release, part):
    build = release.predicate(part, "slsaprovenance1")["buildDefinition"]

    repository = f"https://github.com/{REPOSITORY}"
    ref = f"refs/tags/v{VERSION}"
    assert build["externalParameters"]["workflow"] == {
        "ref": ref,
        "repository": repository,
        "path": ".github/workflows/release.yml",
    }
    assert build["resolvedDependencies"] == [{"uri": f"git+{repository}@{ref}", "digest": {"gitCommit": COMMIT}}]


def test_digest_that_the_registry_does_not_have_gets_no_tag(release):
    digests = release.image_digests | {"API": "sha256:" + "0" * 64}

    package = release.folder / "dist/espalier-1.2.4.tgz"
    package.write_bytes((release.folder / f"dist/espalier-{VERSION}.tgz").read_bytes())
    done = release.run("publish", VERSION="1.2.4", GITHUB_OUTPUT="/dev/null", **digests)

    assert done.returncode != 0
    assert digests["API"] in done.stderr
    for part in (*PARTS, "chart"):
        assert "1.2.4" not in release.tool("crane", "ls", release.name(part)).split()
