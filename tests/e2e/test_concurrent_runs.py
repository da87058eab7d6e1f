"""Two training Jobs at once: one promotion at a time, and the second is compared with the champion of the first."""

import pytest


@pytest.fixture(scope="module")
def before(platform, first_champion):
    return platform.registry()


@pytest.mark.slow
def test_concurrent_jobs_are_promoted_one_at_a_time(platform, before):
    jobs = [platform.training_job(label, rounds=rounds) for label, rounds in (("one", 20), ("two", 24))]
    for job in jobs:
        platform.kube.apply(job)
    for job in jobs:
        platform.wait_for_job(job["metadata"]["name"])
    platform.wait_until_settled()
    after = platform.registry()

    older, newer = sorted(set(after.versions) - set(before.versions), key=int)
    tags = {number: after.versions[number] for number in (older, newer)}
    champion = before.aliases["champion"]
    assert tags[older]["gate.compared_with"] == champion
    assert tags[older]["gate"] == "passed", "more rounds than the first champion"
    expected = {"champion": champion, "previous": before.aliases.get("previous")}
    for number in (older, newer):
        assert tags[number]["gate.compared_with"] == expected["champion"], "compared with the champion of that moment"
        if tags[number]["gate"] == "passed":
            expected = {"champion": number, "previous": expected["champion"]}
    assert after.aliases == {alias: number for alias, number in expected.items() if number}
    assert platform.annotation() == platform.version() == after.aliases["champion"]
    assert not platform.kube.get("lease", "espalier-training-promotion")["spec"].get("holderIdentity"), "not released"
