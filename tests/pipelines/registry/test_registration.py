"""Which version answers for a piece of work; the whole way, against a real registry, in test_register.py."""

import pytest

from bundle import GateVerdict, MalformedBundle
from pipelines.errors import RegistryFailure
from pipelines.gate.checks import Check, Verdict
from pipelines.registry import registration
from pipelines.registry.registration import find_version, is_current, read_verdict, settle_others, stated, tags_of
from pipelines.registry.versions import Version


def version(number, key="k", *, compared_with="", bundle="complete", created=0.0, **tags):
    known = {"espalier.key": key, "gate.compared_with": compared_with, "bundle": bundle, **tags}
    return Version("m", number, "run", created, known, ())


@pytest.mark.parametrize(
    ("versions", "champion", "expected"),
    [
        ([], None, None),
        ([version("1")], None, "1"),
        ([version("1", "other")], None, None),
        ([version("2", compared_with="1")], "1", "2"),
        ([version("2", compared_with="1")], "3", None),
        ([version("2", compared_with="1")], "2", "2"),
        ([version("2", compared_with="1", rollout="complete")], "3", "2"),
        ([version("2", compared_with="1", rollout="failed")], "3", None),
        ([version("4", compared_with="3"), version("2", compared_with="1")], "1", "2"),
        ([version("4", compared_with="3"), version("2", compared_with="1")], "3", "4"),
        ([version("2", compared_with="1", bundle="uploading")], "1", "2"),
    ],
)
def test_version_is_valid_while_its_champion_is_champion(versions, champion, expected):
    found = find_version(versions, key="k", champion=champion)

    assert (found.number if found else None) == expected


@pytest.mark.parametrize(
    ("number", "champion", "current"),
    [
        ("4", "3", True),
        ("2", "3", False),  # its work has an answer with the champion of now, and that is another version
        ("2", "1", True),
        ("4", "1", False),
        ("4", "9", False),  # nothing was compared with this champion
        ("5", "9", True),
        ("5", "3", True),
        ("6", "3", False),  # of no known work
        ("8", "3", True),  # none of these versions
    ],
)
def test_verdict_is_current_while_its_version_is_found(number, champion, current):
    keyless = Version("m", "6", "run", 0.0, {"bundle": "complete"}, ())
    versions = [
        keyless,
        version("5", "other", compared_with="4", rollout="complete"),
        version("4", compared_with="3"),
        version("2", compared_with="1"),
    ]

    assert is_current(versions, number, champion=champion) is current


class FakeRegistry:
    def __init__(self, *versions):
        self.known, self.deleted, self.tagged, self.untagged = versions, [], {}, []

    def versions(self, name):
        assert name == "m"
        return self.known

    def delete_incomplete(self, version):
        self.deleted.append(version.number)

    def tag_version(self, version, tags):
        self.tagged[version.number] = tags

    def untag_version(self, version, tag):
        self.untagged.append((version.number, tag))


def test_older_versions_are_superseded_and_incomplete_ones_deleted(monkeypatch):
    monkeypatch.setattr(registration.time, "time", lambda: 100_000.0)
    new = version("9", compared_with="5")
    registry = FakeRegistry(
        new,
        version("8", "other"),
        version("7", compared_with="3"),
        version("6", compared_with="2", superseded_by="9"),
        version("5", bundle="uploading"),
        version("4", "other", bundle="uploading", created=100_000 - 86_399),
        version("3", "other", bundle="uploading", created=100_000 - 86_401),
        version("2", "other", bundle="uploading", created=100_000 - 86_400),
    )

    settle_others(registry, new)

    assert registry.tagged == {"7": {"superseded_by": "9"}}
    assert registry.deleted == ["5", "3"]
    assert registry.untagged == [("9", "superseded_by")]


def test_number_of_deletions_is_limited():
    registry = FakeRegistry(*(version(str(number), bundle="uploading") for number in range(1, 100)))

    settle_others(registry, version("100"))

    assert len(registry.deleted) == 20


def test_manifest_states_the_verdict_and_the_tags_repeat_it():
    check = Check(name="log loss", found=0.5, wanted="below 0.4", passed=False)

    verdict = stated(Verdict(champion_version="3", checks=(check,), refusals=("too few columns",)))

    assert (verdict.passed, verdict.champion_version) == (False, "3")
    assert verdict.checks[0].model_dump() == check.model_dump(exclude={"digits", "explanation"})
    assert verdict.reasons == ("too few columns", "log loss is 0.5000, must be below 0.4")
    assert tags_of("k", verdict) == {
        "espalier.key": "k",
        "gate": "rejected",
        "gate.reasons": "too few columns; log loss is 0.5000, must be below 0.4",
        "gate.compared_with": "3",
    }


def test_first_version_has_no_champion_to_compare_with():
    assert tags_of("k", GateVerdict(passed=True, champion_version=None, checks=(), reasons=())) == {
        "espalier.key": "k",
        "gate": "passed",
        "gate.reasons": "",
        "gate.compared_with": "",
    }


def test_verdict_is_read_from_the_manifest_of_that_version(tmp_path, make_bundle):
    bundle = make_bundle(tmp_path / "bundle")
    folder = tmp_path / "downloaded"
    folder.mkdir()

    class Holding:
        def download_bundle(self, version, folder, names):
            assert version.number == "7"
            (folder / names[0]).write_bytes((bundle / names[0]).read_bytes())

    assert read_verdict(Holding(), version("7"), folder).passed


def test_manifest_of_another_release_is_reported(tmp_path):
    class Old:
        def download_bundle(self, _version, folder, names):
            (folder / names[0]).write_text('{"format": 1}')

    with pytest.raises(MalformedBundle, match="the format of this release"):
        read_verdict(Old(), version("1"), tmp_path)


def test_failed_cleanup_does_not_fail_the_run(monkeypatch, caplog):
    class Refusing(FakeRegistry):
        def delete_incomplete(self, version):
            raise RegistryFailure(f"no {version.number}")

    settle_others(Refusing(version("1", bundle="uploading")), version("2"))

    assert "could not delete m version 1: no 1" in caplog.text
