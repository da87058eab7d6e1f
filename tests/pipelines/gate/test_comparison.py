import re
from dataclasses import replace
from datetime import UTC, timedelta

import pandas as pd
import pytest

from bundle import Bundle, Manifest
from pipelines.config.params import EvaluateParams, GateParams, PrepareParams, TrainParams
from pipelines.dataset.files import CONTRACT_JSON, MEASURED_MODEL, WORK
from pipelines.dataset.rows import FrameRows
from pipelines.dataset.trained_rows import describe_rows
from pipelines.gate.comparison import Against, judge_against
from pipelines.model.boosting import train_booster
from pipelines.model.matrix import build_contract, encode, example_row
from pipelines.model.measure import measure, predict
from pipelines.stages.prepare import split_by_time
from pipelines.stages.validate import check_table
from tests.small_project import project_of

GATE = GateParams(min_roc_auc=0.5, min_compared_rows=50)
"""The test rows are of about 52 days, so there are as many blocks."""


@pytest.fixture
def parts(table, schema, params):
    known = check_table(table[table["bears"].notna()], schema, params.validate_)
    return split_by_time(known, project_of(schema, prepare=PrepareParams(test_share=0.3)))


@pytest.fixture
def world(parts, schema, params, reference, lineage):
    """A candidate that is left to be measured, and champions fitted on any rows."""
    train, test = parts
    WORK.mkdir(parents=True, exist_ok=True)

    class World:
        def fit(self, rows, **booster):
            contract = build_contract(FrameRows(rows), project_of(schema), example=example_row(FrameRows(test), schema))
            params = TrainParams(seed=1, rounds=20, threads=1, booster={"max_depth": 3, **booster})
            return train_booster(FrameRows(rows), contract, schema, params, lambda _note="": None), contract

        def candidate(self, **booster):
            fit, contract = self.fit(train, **booster)
            MEASURED_MODEL.write_bytes(fit.model)
            CONTRACT_JSON.write_text(contract.model_dump_json())
            rows = FrameRows(test)
            outputs = predict(fit.booster, encode(test, contract))
            return measure(rows, outputs, project_of(schema, evaluate=EvaluateParams()))

        def champion(self, rows, metrics, **booster):
            fit, contract = self.fit(rows, **booster)
            reach = describe_rows(FrameRows(rows), schema)
            of = lineage.model_copy(update={"data_until": reach.newest})
            manifest = Manifest.model_construct(lineage=of)
            return Bundle(fit.model, contract, reference, metrics, manifest)

        def judge(self, champion, metrics, gate=GATE, schema=schema, **more):
            register = params.register_.model_copy(update={"gate": gate})
            against = Against(champion, version="4", comparison=more.pop("comparison", 1))
            whole = project_of(schema, params, register_=register)
            return judge_against(against, metrics, whole, test=test, **more)

    return World()


def test_champion_of_older_rows_is_compared_on_all_test_rows(world, parts):
    metrics = world.candidate()
    verdict = world.judge(world.champion(parts[0].head(300), metrics, max_depth=1, eta=0.05), metrics)

    assert verdict.passed
    assert verdict.champion_version == "4"
    assert verdict.checks[-1].found == metrics.test.log_loss
    assert "newer than all" not in verdict.checks[-1].wanted


def test_champion_is_compared_on_test_rows_it_has_not_seen(world, parts, schema):
    """It knows its own rows by heart, so that on all of them no candidate could ever win."""
    train, test = parts
    seen, unseen = test.head(90), test.tail(len(test) - 90)
    metrics = world.candidate()
    champion = world.champion(pd.concat([train.tail(20), seen]), metrics, max_depth=10, eta=1, min_child_weight=0)

    verdict = world.judge(champion, metrics)

    assert verdict.evidence.gain > 0.1
    assert verdict.evidence.rows == len(unseen)
    assert f"({len(unseen)} rows newer than its training rows)" in verdict.checks[-1].wanted
    fit, contract = world.fit(train)
    outputs = predict(fit.booster, encode(unseen, contract))
    own = measure(FrameRows(unseen), outputs, project_of(schema, evaluate=EvaluateParams()))
    assert verdict.checks[-1].found == own.test.log_loss


def test_champion_that_saw_most_test_rows_is_not_compared(world, parts):
    metrics = world.candidate()
    champion = world.champion(pd.concat([parts[0], parts[1].head(150)]), metrics)

    verdict = world.judge(champion, metrics)

    assert not verdict.passed
    assert verdict.champion_version == "4"
    [reason] = verdict.reasons
    rows = len(parts[1])
    assert f"only {rows - 150} of {rows} test rows are newer, fewer than register.gate.min_compared_rows = 50" in reason
    assert reason.endswith(
        ". On its own training rows, the champion would beat any candidate. Train again when there are more new rows"
    )


def test_rows_of_one_class_are_not_compared(world, parts):
    test = parts[1]
    test.loc[test.index[100:], "bears"] = 1.0
    metrics = world.candidate()

    verdict = world.judge(world.champion(pd.concat([parts[0], test.head(100)]), metrics), metrics)

    assert "and there every row has bears = 1, so scores are undefined" in verdict.reasons[0]


def test_champion_is_encoded_by_its_own_contract(world, parts, schema):
    """The one that learned from rows without clay has other codes for the other soils."""
    rows = parts[0][parts[0]["soil"] != "clay"]
    metrics = world.candidate(max_depth=1)
    champion = world.champion(rows, metrics)
    assert champion.contract.features[4].categories["loam"] == 0

    verdict = world.judge(champion, metrics)

    fit, contract = world.fit(rows)
    outputs = predict(fit.booster, encode(parts[1], contract))
    own = measure(FrameRows(parts[1]), outputs, project_of(schema, evaluate=EvaluateParams()))
    assert f"{own.test.log_loss:.4f}" in verdict.checks[-1].wanted


def test_changed_column_type_is_reported(world, parts, schema):
    metrics = world.candidate()
    champion = world.champion(parts[0], metrics)
    height = schema.features[0].model_copy(update={"type": "category", "minimum": None, "maximum": None})
    changed = schema.model_copy(update={"features": (height, *schema.features[1:])})

    verdict = world.judge(champion, metrics, schema=changed)

    assert "height with their old type" in verdict.reasons[0]


def test_data_until_is_converted_to_the_zone_of_the_table(world, parts, schema):
    metrics = world.candidate()
    champion = world.champion(parts[0], metrics)
    newest = parts[1]["seen"].iloc[99].to_pydatetime()
    there = schema.time.model_copy(update={"timezone": "Asia/Tokyo"})
    until = newest.replace(tzinfo=UTC) - timedelta(hours=9)
    lineage = champion.manifest.lineage.model_copy(update={"data_until": until})
    reaching = Bundle(
        champion.model, champion.contract, champion.reference, metrics, Manifest.model_construct(lineage=lineage)
    )

    verdict = world.judge(reaching, metrics, schema=schema.model_copy(update={"time": there}))

    assert f"({len(parts[1]) - 100} rows newer" in verdict.checks[-1].wanted


def test_missing_columns_are_reported(world, parts, schema):
    metrics = world.candidate()
    fewer = schema.model_copy(update={"features": schema.features[2:]})

    verdict = world.judge(world.champion(parts[0], metrics), metrics, schema=fewer)

    assert verdict.champion_version == "4"
    assert verdict.reasons == [
        "the champion (version 4) needs column(s) height, age, which schema.yaml no longer has (list them as "
        "ignored, and keep them in the table), so it cannot be "
        "compared. Check the candidate yourself, and remove the alias champion to start over"
    ]


def test_all_changed_column_types_are_reported(world, parts, schema):
    metrics = world.candidate()
    height, age = (
        feature.model_copy(update={"type": "category", "minimum": None, "maximum": None})
        for feature in schema.features[:2]
    )
    changed = schema.model_copy(update={"features": (height, age, *schema.features[2:])})

    verdict = world.judge(world.champion(parts[0], metrics), metrics, schema=changed)

    assert "needs column(s) height, age with their old type, so" in verdict.reasons[0]


def test_champion_without_data_until_is_compared_on_all_rows(world, parts):
    metrics = world.candidate()
    champion = world.champion(parts[0].head(300), metrics, max_depth=1, eta=0.05)
    lineage = champion.manifest.lineage.model_copy(update={"data_until": None})
    unknown = replace(champion, manifest=Manifest.model_construct(lineage=lineage))

    assert world.judge(unknown, metrics).checks[-1].found == metrics.test.log_loss


def test_existing_scores_are_used_for_all_rows(world, parts):
    metrics = world.candidate()
    given = metrics.model_copy(update={"test": metrics.test.model_copy(update={"log_loss": 0.001})})

    assert world.judge(world.champion(parts[0], metrics), given).checks[-1].found == 0.001


def test_small_test_set_without_seen_rows_is_compared(world, parts):
    metrics = world.candidate()
    gate = GateParams(min_roc_auc=0.5, min_compared_rows=len(parts[1]) + 1)

    assert world.judge(world.champion(parts[0].head(300), metrics, max_depth=1, eta=0.05), metrics, gate).passed


def test_minimum_number_of_rows_itself_is_enough(world, parts):
    train, test = parts
    metrics = world.candidate()
    champion = world.champion(pd.concat([train, test.head(100)]), metrics)

    def refusals(rows):
        return world.judge(champion, metrics, GateParams(min_roc_auc=0.5, min_compared_rows=rows)).refusals

    assert refusals(len(test) - 100) == ()
    assert len(refusals(len(test) - 99)) == 1


def weak(world, parts, metrics):
    return world.champion(parts[0].head(300), metrics, max_depth=1, eta=0.05)


def test_evidence_has_the_numbers_of_the_comparison(world, parts):
    metrics = world.candidate()
    found = world.judge(weak(world, parts, metrics), metrics).evidence

    assert found.kind == "better"
    assert found.gain == pytest.approx(found.champion - found.candidate)
    assert 0 < found.lower < found.gain < found.upper
    assert (found.rows, found.test_rows, found.block) == (len(parts[1]), len(parts[1]), "1d")
    assert found.level == pytest.approx(0.025)
    assert found.blocks == len(found.periods) == parts[1]["seen"].dt.date.nunique()
    assert sum(period.rows for period in found.periods) == found.rows
    assert sum(period.rows * period.gain for period in found.periods) == pytest.approx(found.gain * found.rows)
    assert {slice_.column for slice_ in found.slices} == {"kind", "month"}
    assert sum(one.rows for one in found.calibration["candidate"]) == found.rows
    assert found.calibration_errors["candidate"] == metrics.test.calibration_error


def test_swapped_models_are_worse(world, parts):
    metrics = world.candidate(max_depth=1, eta=0.05)
    strong = world.champion(parts[0], metrics)

    verdict = world.judge(strong, metrics)

    assert verdict.kind == "worse"
    assert "worse beyond noise" in verdict.reasons[0]


def test_later_comparison_must_be_more_certain(world, parts):
    metrics = world.candidate()
    first, tenth = (world.judge(weak(world, parts, metrics), metrics, comparison=number).evidence for number in (1, 10))

    assert tenth.level == pytest.approx(0.05 / 110)
    assert tenth.gain == first.gain
    assert tenth.lower < first.lower


def test_data_is_newer_only_after_the_champions(world, parts):
    metrics = world.candidate()
    champion = weak(world, parts, metrics)
    until = champion.manifest.lineage.data_until

    def newer(newest):
        return world.judge(champion, metrics, newest=newest).evidence.newer

    assert not newer(None)
    assert not newer(until)
    assert newer(until + timedelta(seconds=1))


def test_equal_retrain_replaces_the_champion_only_with_newer_data_and_the_policy(world, parts):
    metrics = world.candidate()
    champion = world.champion(parts[0], metrics)
    gate = GATE.model_copy(update={"replace_when": "better_or_newer", "max_loss": 0.05})
    later = champion.manifest.lineage.data_until + timedelta(days=1)

    assert world.judge(champion, metrics, gate, newest=later).passed
    assert not world.judge(champion, metrics, gate).passed
    assert not world.judge(champion, metrics, GATE, newest=later).passed


def test_too_few_blocks_are_reported(world, parts):
    metrics = world.candidate()
    gate = GATE.model_copy(update={"block": timedelta(days=7)})

    verdict = world.judge(weak(world, parts, metrics), metrics, gate)

    assert verdict.kind == "not_compared"
    assert re.match(
        r"the champion \(version 4\) can only be compared on \d blocks of register.gate.block; with fewer than 20 "
        "nothing can be said about noise. Choose shorter blocks",
        verdict.reasons[0],
    )


def test_rows_may_be_independent(world, parts):
    metrics = world.candidate()
    found = world.judge(weak(world, parts, metrics), metrics, GATE.model_copy(update={"block": None})).evidence

    assert (found.block, found.blocks, found.neighbours, found.periods) == ("row", len(parts[1]), None, ())


def ignoring(schema, name):
    column = next(feature for feature in schema.features if feature.name == name)
    features = tuple(feature for feature in schema.features if feature is not column)
    return schema.model_copy(update={"features": features, "ignored": (column,)})


def test_champion_that_needs_an_ignored_column_is_compared_if_the_table_has_it(world, parts, schema):
    metrics = world.candidate()

    verdict = world.judge(world.champion(parts[0], metrics, max_depth=1), metrics, schema=ignoring(schema, "age"))

    assert verdict.evidence.rows == len(parts[1])


def test_champion_that_needs_an_ignored_column_is_not_compared_without_it(world, parts, schema):
    metrics = world.candidate()
    champion = world.champion(parts[0], metrics)
    del parts[1]["age"]

    verdict = world.judge(champion, metrics, schema=ignoring(schema, "age"))

    assert "needs column(s) age, which the table no longer has (keep them, with empty cells" in verdict.reasons[0]


def test_column_in_another_unit_is_refused(world, parts, schema):
    """The champion would be judged on values that no client sends it, and the candidate would seem better."""
    metrics = world.candidate()
    height = schema.features[0].model_copy(update={"unit": "ft"})
    changed = schema.model_copy(update={"features": (height, *schema.features[1:])})

    verdict = world.judge(world.champion(parts[0], metrics), metrics, schema=changed)

    assert not verdict.passed
    assert "needs height in m, and schema.yaml says another unit (give a column in another unit" in verdict.reasons[0]
