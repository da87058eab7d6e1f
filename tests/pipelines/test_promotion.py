import pytest

from pipelines.errors import RegistryFailure, RolloutFailed, Unreachable
from pipelines.promotion import CHALLENGER, CHAMPION, PREVIOUS, promote, roll_back
from pipelines.registry import Version
from pipelines.rollout import NoRollout


class FakeRegistry:
    """Aliases and tags in memory, with the registry's own calls."""

    def __init__(self, *numbers, gate="passed"):
        self.aliases, self.tags = {}, {number: {"gate": gate} for number in numbers}

    def version(self, name, number):
        return Version(name, number, "run", 0.0, self.tags[number], ())

    def version_of(self, _name, alias):
        return self.aliases.get(alias)

    def set_alias(self, _name, alias, number):
        self.aliases[alias] = number

    def remove_alias(self, _name, alias):
        self.aliases.pop(alias, None)

    def tag_version(self, version, tags):
        self.tags[version.number].update(tags)


@pytest.fixture
def registry():
    return FakeRegistry("1", "2", "3")


def go(registry, number, expected):
    promote(registry, NoRollout(), registry.version("m", number), expected_champion=expected)


def test_previous_is_where_the_champion_was(registry):
    go(registry, "1", None)
    go(registry, "2", "1")
    go(registry, "3", "2")

    assert registry.aliases == {CHAMPION: "3", PREVIOUS: "2"}


def test_rollback_goes_to_the_previous_and_back_again(registry):
    go(registry, "1", None)
    go(registry, "2", "1")

    assert roll_back(registry, NoRollout(), "m").number == "1"
    assert registry.aliases == {CHAMPION: "1", PREVIOUS: "2"}
    assert roll_back(registry, NoRollout(), "m").number == "2"


def test_without_a_previous_there_is_no_way_back(registry):
    with pytest.raises(RegistryFailure, match="no previous version"):
        roll_back(registry, NoRollout(), "m")


def test_version_that_did_not_pass_is_never_champion():
    registry = FakeRegistry("1", gate="rejected")

    with pytest.raises(RegistryFailure, match="did not pass the gate"):
        go(registry, "1", None)

    assert registry.aliases == {}


def test_older_decision_cannot_undo_a_newer_champion(registry):
    go(registry, "1", None)
    go(registry, "3", "1")

    with pytest.raises(RegistryFailure, match="now version 3"):
        go(registry, "2", "1")

    assert registry.aliases[CHAMPION] == "3"


class Overtaken:
    """A rollout during which something happens."""

    def __init__(self, happens):
        self.happens, self.went_back_to = happens, []

    def serve(self, _number):
        return self.happens()

    def go_back(self, number):
        self.went_back_to.append(number)


def raises(error):
    def happen():
        raise error

    return happen


def test_version_that_does_not_come_up_gives_way_to_the_champion(registry):
    go(registry, "1", None)
    rollout = Overtaken(lambda: False)

    with pytest.raises(RolloutFailed, match="version 1 serves on"):
        promote(registry, rollout, registry.version("m", "2"), expected_champion="1")

    assert rollout.went_back_to == ["1"]
    assert registry.aliases == {CHAMPION: "1"}
    assert registry.tags["2"]["rollout"] == "failed"


def test_champion_that_came_meanwhile_stays(registry):
    go(registry, "1", None)

    def other_run():
        registry.aliases[CHAMPION] = "3"
        return True

    with pytest.raises(RegistryFailure, match="now version 3"):
        promote(registry, Overtaken(other_run), registry.version("m", "2"), expected_champion="1")

    assert registry.aliases == {CHAMPION: "3"}


def test_challenger_of_another_run_is_left_alone(registry):
    def other_run():
        registry.aliases[CHALLENGER] = "3"
        raise RegistryFailure("another run brought in version 3")

    with pytest.raises(RegistryFailure):
        promote(registry, Overtaken(other_run), registry.version("m", "2"), expected_champion=None)

    assert registry.aliases == {CHALLENGER: "3"}


def test_rollout_that_cannot_be_asked_leaves_no_alias(registry):
    with pytest.raises(Unreachable):
        promote(registry, Overtaken(raises(Unreachable("away"))), registry.version("m", "1"), expected_champion=None)

    assert registry.aliases == {}


@pytest.mark.parametrize("writes", [1, 2, 3, 4])
def test_rollback_that_was_killed_is_finished_and_not_turned_round(registry, writes):
    go(registry, "1", None)
    go(registry, "2", "1")
    left = iter(range(writes))
    change = registry.set_alias, registry.remove_alias

    def counted(original):
        def call(*args):
            if next(left, None) is None:
                raise KeyboardInterrupt
            original(*args)

        return call

    registry.set_alias, registry.remove_alias = (counted(one) for one in change)
    try:
        roll_back(registry, NoRollout(), "m")
    except KeyboardInterrupt:
        registry.set_alias, registry.remove_alias = change
        roll_back(registry, NoRollout(), "m")

    assert registry.aliases == {CHAMPION: "1", PREVIOUS: "2"}
