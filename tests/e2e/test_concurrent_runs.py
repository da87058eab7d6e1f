"""Two Jobs at once, with different parameters: one promotion at a time, the second judged against the first's model."""

import pytest


@pytest.fixture(scope="module")
def before(platform):
    platform.wait_until_settled()
    return platform.registry()


@pytest.mark.slow
def test_the_second_of_two_jobs_is_judged_against_what_the_first_left(platform, before):
    # Better than the model that the rollback left, and worse than what test_killed_runs.py trains later.
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
    expected = {"champion": champion, "previous": before.aliases.get("previous")}
    for number in (older, newer):
        assert tags[number]["gate.compared_with"] == expected["champion"], "judged against the champion of its time"
        if tags[number]["gate"] == "passed":
            expected = {"champion": number, "previous": expected["champion"]}
    assert after.aliases == {alias: number for alias, number in expected.items() if number}
    assert platform.annotation() == platform.version() == after.aliases["champion"]
    assert not platform.kube.get("lease", "espalier-training-promotion")["spec"].get("holderIdentity"), "given back"
