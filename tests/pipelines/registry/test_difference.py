import json

import pytest

from bundle import IgnoredColumn
from pipelines.errors import NotComparable
from pipelines.registry.difference import Pair, check_different, compare


@pytest.fixture
def first(described):
    return described("7")


def test_same_work_differs_in_nothing(first, described):
    found = compare(first, described("8"))

    assert found.same_model and found.same_test_rows
    assert (found.files, found.params, found.data, found.origin, found.contract) == ((), (), (), (), ())
    assert {pair.difference for pair in found.metrics} == {0.0}


def test_other_model_file_is_not_the_same(first, described):
    manifest = first.bundle.manifest
    files = {**manifest.files, "model.ubj": manifest.files["contract.json"]}

    found = compare(first, described("8", manifest=manifest.model_copy(update={"files": files})))

    assert not found.same_model
    assert [pair.name for pair in found.files] == ["model.ubj"]


def test_parameters_and_data_that_differ_are_listed(first, described):
    lineage = first.bundle.manifest.lineage.model_copy(update={"data_sha256": "1" * 64, "trained_rows": 90})
    manifest = first.bundle.manifest.model_copy(update={"lineage": lineage})

    found = compare(first, described("8", params={"train.rounds": "20", "train.seed": "1"}, manifest=manifest))

    assert found.params == (Pair("train.rounds", "12", "20"), Pair("train.seed", None, "1"))
    assert {pair.name for pair in found.data} == {"sha256", "trained_rows"}
    assert not found.same_test_rows


def test_scores_have_their_difference(first, described):
    metrics = first.bundle.metrics
    better = metrics.test.model_copy(update={"log_loss": 0.45, "roc_auc": None})
    slices = tuple(one.model_copy(update={"value": "plum", "scores": better}) for one in metrics.slices)

    found = compare(first, described("8", metrics=metrics.model_copy(update={"test": better, "slices": slices})))

    pairs = {pair.name: pair for pair in found.metrics}
    assert pairs["log_loss"].difference == pytest.approx(-0.05)
    assert (pairs["roc_auc"].second, pairs["roc_auc"].difference) == (None, None)
    assert found.slices == (Pair("kind plum", None, 0.45), Pair("kind pear", 0.5, None))


def test_features_that_differ_are_listed(first, described):
    contract = first.bundle.contract
    height = contract.features[0].model_copy(update={"optional": True})
    evolved = contract.model_copy(
        update={"features": (height, *contract.features[1:4]), "ignored": (IgnoredColumn(name="soil"),)}
    )
    reference = first.bundle.reference
    kept = {name: value for name, value in reference.contributions.items() if name != "soil"}

    found = compare(
        first,
        described("8", contract=evolved, reference=reference.model_copy(update={"contributions": kept})),
    )

    assert [pair.name for pair in found.contract] == ["height", "soil"]
    assert json.loads(found.contract[0].second)["optional"] is True
    assert found.contract[1].second == '{"ignored":true}'
    assert found.importance[-1] == Pair("soil", 0.0, None)


@pytest.mark.parametrize("kind", ["multiclass", "regression", "interval"])
def test_every_type_of_target_is_compared_by_its_own_score(described, kind):
    found = compare(described("7", kind=kind), described("8", kind=kind))

    assert found.slices[0].first == found.slices[0].second is not None
    assert found.metric == {"multiclass": "log_loss", "regression": "mse", "interval": "pinball_loss"}[kind]


def test_versions_of_different_types_are_not_compared(first, described):
    with pytest.raises(NotComparable, match="version 7 predicts a target of type binary, and version 8 one of type"):
        compare(first, described("8", kind="regression"))


def test_version_is_not_compared_with_itself(first):
    with pytest.raises(NotComparable, match="both are orchard version 7; name two different versions"):
        check_different(first.version, first.version)


def test_json_has_every_part(first, described):
    found = compare(first, described("8")).as_json()

    assert json.loads(json.dumps(found)) == found
    assert found["metrics"][0].keys() == {"name", "first", "second", "difference"}
    assert found["same_model"] is True
