import pytest

from bundle.vocabulary import CHALLENGER, CHAMPION, PREVIOUS
from pipelines.errors import PromotionLocked, RegistryFailure, RolloutFailed, Unreachable
from pipelines.promotion.promote import clear_unfinished, promote, roll_back
from pipelines.promotion.rollout import NoRollout
from pipelines.registry.versions import Version
from tests.pipelines.locks import Held


class FakeRegistry:
    """Aliases and tags in memory, with the registry's own calls."""

    def __init__(self, *numbers, gate="passed"):
        self.aliases, self.tags = {}, {number: {"gate": gate} for number in numbers}

    def version(self, name, number):
        assert name == "m"
        return Version(name, number, "run", 0.0, self.tags[number], ())

    def version_of(self, name, alias):
        assert name == "m"
        return self.aliases.get(alias)

    def set_alias(self, name, alias, number):
        assert name == "m"
        self.aliases[alias] = number

    def remove_alias(self, name, alias):
        assert name == "m"
        self.aliases.pop(alias, None)

    def tag_version(self, version, tags):
        self.tags[version.number].update(tags)


@pytest.fixture
def registry():
    return FakeRegistry("1", "2", "3")


def go(registry, number, expected, rollout=None, lock=None):
    version = registry.version("m", number)
    promote(registry, rollout or NoRollout(), version, expected_champion=expected, lock=lock or Held())


def test_previous_is_the_former_champion(registry):
    go(registry, "1", None)
    go(registry, "2", "1")
    go(registry, "3", "2")

    assert registry.aliases == {CHAMPION: "3", PREVIOUS: "2"}


def test_rollback_goes_to_the_previous_and_back_again(registry):
    go(registry, "1", None)
    go(registry, "2", "1")

    assert roll_back(registry, NoRollout(), "m", lock=Held()).number == "1"
    assert registry.aliases == {CHAMPION: "1", PREVIOUS: "2"}
    assert roll_back(registry, NoRollout(), "m", lock=Held()).number == "2"


def test_champion_moves_only_after_its_rollout(registry):
    go(registry, "1", None)
    during = []

    def pods_are_replaced():
        during.append(dict(registry.aliases))
        return True

    rollout = Overtaken(pods_are_replaced)
    go(registry, "2", "1", rollout)
    roll_back(registry, rollout, "m", lock=Held())

    assert rollout.asked == ["2", "1"]
    assert during == [{CHAMPION: "1", CHALLENGER: "2"}, {CHAMPION: "2", CHALLENGER: "1", PREVIOUS: "1"}]
    assert registry.aliases == {CHAMPION: "1", PREVIOUS: "2"}


def test_rollback_goes_to_the_previous_while_another_promotion_is_unfinished(registry):
    registry.aliases = {CHAMPION: "2", PREVIOUS: "1", CHALLENGER: "3"}

    assert roll_back(registry, NoRollout(), "m", lock=Held()).number == "1"
    assert registry.aliases == {CHAMPION: "1", PREVIOUS: "2"}


def test_rollback_without_a_previous_version_fails(registry):
    with pytest.raises(RegistryFailure, match="no previous version"):
        roll_back(registry, NoRollout(), "m", lock=Held())


def test_rejected_version_cannot_be_promoted():
    registry = FakeRegistry("1", gate="rejected")

    with pytest.raises(RegistryFailure, match="did not pass the gate"):
        go(registry, "1", None)

    assert registry.aliases == {}


def test_outdated_verdict_cannot_replace_a_newer_champion(registry):
    go(registry, "1", None)
    go(registry, "3", "1")

    with pytest.raises(RegistryFailure, match="now version 3"):
        go(registry, "2", "1")

    assert registry.aliases[CHAMPION] == "3"


class Overtaken:
    """A rollout during which something happens."""

    def __init__(self, happens):
        self.happens, self.asked, self.went_back_to = happens, [], []

    def serve(self, number):
        self.asked.append(number)
        return self.happens()

    def go_back(self, number):
        self.went_back_to.append(number)


def raises(error):
    def happen():
        raise error

    return happen


@pytest.mark.parametrize(
    ("outcome", "message"),
    [(lambda: False, "version 1 keeps serving"), (raises(RolloutFailed("scaled to 0")), "scaled to 0")],
    ids=["not ready", "no pods"],
)
def test_version_that_does_not_come_up_gives_way_to_the_champion(registry, outcome, message):
    go(registry, "1", None)
    rollout = Overtaken(outcome)

    with pytest.raises(RolloutFailed, match=message):
        go(registry, "2", "1", rollout)

    assert rollout.went_back_to == ["1"]
    assert registry.aliases == {CHAMPION: "1"}
    assert registry.tags["2"]["rollout"] == "failed"


def test_failed_first_rollout_leaves_no_champion(registry):
    rollout = Overtaken(lambda: False)

    with pytest.raises(RolloutFailed, match="; no version is serving"):
        go(registry, "2", None, rollout)

    assert registry.aliases == {}


def test_champion_that_came_meanwhile_stays(registry):
    go(registry, "1", None)

    def other_run():
        registry.aliases[CHAMPION] = "3"
        return True

    rollout = Overtaken(other_run)
    with pytest.raises(RegistryFailure, match="now version 3"):
        go(registry, "2", "1", rollout)

    assert registry.aliases == {CHAMPION: "3"}
    assert rollout.went_back_to == ["3"], "the pods serve what the alias says"


def test_challenger_of_another_run_is_unchanged(registry):
    def other_run():
        registry.aliases[CHALLENGER] = "3"
        raise RegistryFailure("another run rolled out version 3")

    with pytest.raises(RegistryFailure):
        go(registry, "2", None, Overtaken(other_run))

    assert registry.aliases == {CHALLENGER: "3"}


def test_outdated_verdict_writes_nothing(registry):
    go(registry, "1", None)
    go(registry, "3", "1")
    rollout, written = Overtaken(lambda: True), []
    registry.set_alias = lambda *args: written.append(args)

    with pytest.raises(RegistryFailure, match="now version 3"):
        go(registry, "2", "1", rollout)

    assert written == []
    assert rollout.asked == rollout.went_back_to == []


def test_promotion_that_was_killed_before_its_last_write_is_marked_complete(registry):
    registry.aliases = {CHAMPION: "1", CHALLENGER: "1"}

    go(registry, "1", None)

    assert registry.aliases == {CHAMPION: "1"}
    assert registry.tags["1"]["rollout"] == "complete"


@pytest.mark.parametrize("end", [SystemExit(143), KeyboardInterrupt(), ZeroDivisionError()], ids=repr)
def test_run_that_is_ended_in_its_rollout_puts_the_annotation_back(registry, end):
    go(registry, "1", None)
    rollout = Overtaken(raises(end))

    with pytest.raises(type(end)):
        go(registry, "2", "1", rollout)

    assert rollout.went_back_to == ["1"]
    assert registry.aliases == {CHAMPION: "1"}
    assert "rollout" not in registry.tags["2"], "it did not fail"


def test_failed_revert_keeps_the_challenger_and_the_first_error(registry, capsys):
    go(registry, "1", None)
    rollout = Overtaken(raises(Unreachable("the API server of the cluster is unavailable")))
    rollout.go_back = lambda _number: rollout.serve("1")

    with pytest.raises(Unreachable, match="unavailable"):
        go(registry, "2", "1", rollout)
    assert capsys.readouterr().err.endswith(
        "could not revert version 2; the next run will: the API server of the cluster is unavailable\n"
    )
    assert registry.aliases == {CHAMPION: "1", CHALLENGER: "2"}

    rollout = Overtaken(lambda: True)
    clear_unfinished(registry, rollout, "m", lock=Held())
    assert rollout.went_back_to == ["1"]
    assert registry.aliases == {CHAMPION: "1"}


@pytest.mark.parametrize("checks", range(4))
def test_lost_lock_stops_all_writes_and_the_next_run_cleans_up(registry, checks):
    go(registry, "1", None)
    go(registry, "2", "1")
    writes = []

    def counted(original):
        return lambda *args: (writes.append(args), original(*args))

    for name in ("set_alias", "remove_alias"):
        setattr(registry, name, counted(getattr(registry, name)))
    rollout = Overtaken(lambda: True)

    with pytest.raises(PromotionLocked):
        go(registry, "3", "2", rollout, Held(checks))

    assert len(writes) == checks, "as many writes as checks that held"
    assert rollout.went_back_to == [], "the annotation belongs to the current holder of the lock"
    next_run = Overtaken(lambda: True)
    clear_unfinished(registry, next_run, "m", lock=Held())
    assert CHALLENGER not in registry.aliases
    served = ["2", *rollout.asked, *next_run.asked, *next_run.went_back_to]
    assert served[-1] == registry.aliases[CHAMPION], "annotation and alias agree"
    assert registry.aliases[PREVIOUS] == ("2" if registry.aliases[CHAMPION] == "3" else "1")


def test_unfinished_rollout_of_the_same_version_is_kept(registry):
    registry.aliases = {CHAMPION: "1", CHALLENGER: "2"}
    rollout = Overtaken(lambda: True)

    clear_unfinished(registry, rollout, "m", lock=Held(), own="2")

    assert registry.aliases == {CHAMPION: "1", CHALLENGER: "2"}
    assert rollout.went_back_to == []


def test_killed_first_promotion_is_reverted(registry):
    registry.aliases = {CHALLENGER: "2"}
    rollout = Overtaken(lambda: True)

    clear_unfinished(registry, rollout, "m", lock=Held())

    assert registry.aliases == {}
    assert rollout.went_back_to == [None]


def test_unreachable_rollout_leaves_no_alias(registry):
    with pytest.raises(Unreachable):
        go(registry, "1", None, Overtaken(raises(Unreachable("unavailable"))))

    assert registry.aliases == {}


@pytest.mark.parametrize("writes", [1, 2, 3, 4])
def test_killed_rollback_is_finished_and_not_reversed(registry, writes):
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
        roll_back(registry, NoRollout(), "m", lock=Held())
    except KeyboardInterrupt:
        registry.set_alias, registry.remove_alias = change
        roll_back(registry, NoRollout(), "m", lock=Held())

    assert registry.aliases == {CHAMPION: "1", PREVIOUS: "2"}


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ({CHAMPION: "1", PREVIOUS: "1", CHALLENGER: "2"}, "finishing the promotion of version 2: its run was killed"),
        ({CHAMPION: "1", CHALLENGER: "2"}, "reverting the rollout of version 2: its run was killed"),
    ],
)
def test_outcome_of_a_killed_run_is_reported(registry, capsys, aliases, message):
    registry.aliases = aliases

    clear_unfinished(registry, Overtaken(lambda: True), "m", lock=Held())

    assert capsys.readouterr().err == f"{message}\n"
