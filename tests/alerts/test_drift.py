"""The recording rules equal a direct computation of PSI: with real drift, without drift, and with artificial drift."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from bundle import Contract, Reference
from pipelines.config.params import PARAMS_FILE, load_params
from pipelines.config.schema import SCHEMA_FILE
from pipelines.data.flights import export_flights
from pipelines.dataset.rows import FrameRows
from pipelines.dataset.tables import read_table
from pipelines.model.drift_reference import build_reference
from pipelines.model.matrix import build_contract, encode, example_row, labels
from pipelines.targets.project import load_project
from tests.alerts.promtool import FOLDER, ROOT, run_case
from tests.alerts.traffic import Pod, Served, direct_psi

pytestmark = [pytest.mark.rules, pytest.mark.usefixtures("with_promtool")]

DRIFT = FOLDER / "drift.yaml"
SCRAPES = 36
"""Ten minutes apart. The window contains all of them, including the first with its zeros."""

ASKED = 12_000
SEASONAL = {"temp", "dewp", "humid", "pressure", "wind_dir", "wind_gust"}


@dataclass(frozen=True)
class World:
    """A model of January and February, unseen rows of the same months, and rows of June and July."""

    booster: xgb.Booster
    served: Served
    train: pd.DataFrame
    winter: pd.DataFrame
    summer: pd.DataFrame

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return self.booster.predict(as_data(rows, self.served.contract)).astype(np.float32)


def as_data(rows: pd.DataFrame, contract: Contract, target: np.ndarray | None = None) -> xgb.DMatrix:
    names = [feature.name for feature in contract.features]
    kinds = contract.feature_types
    return xgb.DMatrix(
        encode(rows, contract), target, feature_names=names, feature_types=kinds, enable_categorical=True
    )


def refer(train: pd.DataFrame, scores: np.ndarray, contract: Contract) -> Reference:
    """Return the reference with the bins of the committed parameters."""
    params = load_params(ROOT / PARAMS_FILE).evaluate
    return build_reference(FrameRows(train), contract, scores, params=params)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    project = load_project(ROOT / PARAMS_FILE, ROOT / SCHEMA_FILE)
    schema = project.schema
    table = read_table(export_flights(tmp_path_factory.mktemp("flights") / "flights.csv"), schema)
    table = table[table[schema.target.name].notna()]
    month = table[schema.time.name].str[5:7]
    winter = table[month.isin(["01", "02"])].sample(frac=1, random_state=1)
    summer = table[month.isin(["06", "07"])].sample(frac=1, random_state=2)
    train, test, asked = winter.iloc[:20_000], winter.iloc[20_000:32_000], winter.iloc[32_000 : 32_000 + ASKED]
    contract = build_contract(FrameRows(train), project, example=example_row(FrameRows(train), schema))
    data = as_data(train, contract, labels(train, project.task))
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 4, "seed": 1, "nthread": 1}, data, 30)
    reference = refer(train, booster.predict(as_data(test, contract)), contract)
    return World(booster, Served("1", contract, reference), train, asked, summer.iloc[:ASKED])


def ask(world: World, pod: Pod, rows: pd.DataFrame, scrapes: int = SCRAPES) -> pd.DataFrame:
    """Let the pod predict the rows; return those that its counters keep."""
    pod.count(encode(rows, pod.served.contract), world.scores(rows), scrapes)
    return rows[~pod.lost(len(rows))]


def halves(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split requests between two pods as a Service does: three to one, two to the other."""
    first = np.arange(len(rows)) % 5 < 3
    return rows[first], rows[~first]


def hold(
    folder: Path,
    pods: list[Pod],
    direct: dict[str, dict[str, float]],
    *,
    at: int = SCRAPES - 1,
    minutes: int = 10,
    within: float = 1e-6,
    only: str = ".+",
    every: str = "",
):
    """Evaluate the rules with promtool on the pods' series, and compare with the direct values, {version: {name}}."""
    series = [one for pod in pods for one in pod.series()]
    for version, values in direct.items():
        for name, value in values.items():
            metric = f'direct{{model_version="{version}",feature="{name}"}}'
            series.append({"series": metric, "values": f"{value!r}x{at}"})
    found = (
        f'(espalier:feature_psi:7d{{model_version=~"{only}"}} or '
        f'label_replace(espalier:score_psi:7d{{model_version=~"{only}"}}, "feature", "", "", ""))'
    )
    equal = f"abs({found} - on (model_version, feature) direct) <= {within}"
    count = [{"labels": "{}", "value": len(values)} for values in direct.values()]
    moment = f"{at * minutes}m"
    expected = [
        {"expr": f"count({found})", "eval_time": moment, "exp_samples": count},
        {"expr": f"count({equal})", "eval_time": moment, "exp_samples": count},
    ]
    case = {"interval": f"{minutes}m", "input_series": series, "promql_expr_test": expected}
    run_case(folder, DRIFT, case, evaluate_every=every or moment)


def two_replicas(world: World, rows: pd.DataFrame) -> tuple[list[Pod], dict[str, dict[str, float]]]:
    """Return two pods of one version, the second with a restart, and the direct values of the counted rows."""
    pods = [Pod("espalier-api-a", world.served), Pod("espalier-api-b", world.served, restarts=(17,))]
    kept = pd.concat([ask(world, pod, part) for pod, part in zip(pods, halves(rows), strict=True)])
    return pods, {"1": direct_psi(kept, world.scores(kept), world.served)}


def test_summer_rows_drift_from_a_winter_model(world, tmp_path):
    pods, direct = two_replicas(world, world.summer)

    hold(tmp_path, pods, direct)

    assert direct["1"]["temp"] == pytest.approx(13.33, abs=0.01)
    assert direct["1"][""] == pytest.approx(0.218, abs=0.001)
    assert {name for name, value in direct["1"].items() if value > 0.25} == SEASONAL
    assert max(direct["1"][name] for name in ("carrier", "origin", "dest", "day_of_week", "distance")) < 0.1


def test_unseen_rows_of_the_same_months_do_not_drift(world, tmp_path):
    pods, direct = two_replicas(world, world.winter)

    hold(tmp_path, pods, direct)

    assert max(direct["1"].values()) == pytest.approx(0.003, abs=0.001)


def test_changed_unit_drifts_in_its_feature_and_the_score(world, tmp_path):
    celsius = world.winter.assign(temp=(world.winter["temp"] - 32) / 1.8)
    pods, direct = two_replicas(world, celsius)

    hold(tmp_path, pods, direct)

    assert direct["1"]["temp"] == pytest.approx(13.65, abs=0.01)
    assert direct["1"][""] == pytest.approx(0.65, abs=0.01)
    assert {name for name, value in direct["1"].items() if value > 0.01} == {"temp", ""}


def test_new_version_has_its_own_counts_and_reference(world, tmp_path):
    """Its pods start before the old ones terminate. It is trained on summer rows, so summer rows do not drift."""
    known, asked = world.summer.iloc[: ASKED // 2], world.summer.iloc[ASKED // 2 :]
    newer = Served("2", world.served.contract, refer(known, world.scores(known), world.served.contract))
    old = [Pod(f"old-{name}", world.served, ends=18) for name in "ab"]
    new = [Pod(f"new-{name}", newer, starts=16) for name in "ab"]
    before = pd.concat([ask(world, pod, part) for pod, part in zip(old, halves(asked), strict=True)])
    after = pd.concat([ask(world, pod, part) for pod, part in zip(new, halves(asked), strict=True)])
    direct = {
        "1": direct_psi(before, world.scores(before), world.served),
        "2": direct_psi(after, world.scores(after), newer),
    }

    hold(tmp_path, [*old, *new], {"1": direct["1"]}, at=17, only="1")
    hold(tmp_path, [*old, *new], {"2": direct["2"]})

    assert direct["1"]["temp"] > 5
    assert max(direct["2"].values()) < 0.05


@pytest.mark.parametrize(("rows", "measured"), [(499, False), (500, True)])
def test_too_few_rows_have_no_index(world, tmp_path, rows, measured):
    pod = Pod("espalier-api-a", world.served)
    asked = ask(world, pod, world.winter.iloc[:rows])

    hold(tmp_path, [pod], {"1": direct_psi(asked, world.scores(asked), world.served)} if measured else {})


def test_changing_replicas_cause_a_small_error(world, tmp_path):
    """Hourly scrapes for ten days: one pod is older than the window, one terminates in it, one starts in it.

    increase() then extrapolates, for each series and day, half a scrape interval beyond its samples.
    """
    scrapes, window = 241, 168
    pods = [
        Pod("old", world.served),
        Pod("gone", world.served, ends=200),
        Pod("new", world.served, starts=150),
    ]
    counted = []
    for pod, rows in zip(pods, np.array_split(np.arange(ASKED), 3), strict=True):
        asked = world.summer.iloc[rows]
        ask(world, pod, asked, scrapes)
        counted.append(asked[pod.scrape_of(len(asked)) > scrapes - 1 - window])
    kept = pd.concat(counted)

    direct = direct_psi(kept, world.scores(kept), world.served)
    hold(tmp_path, pods, {"1": direct}, at=scrapes - 1, minutes=60, every="1h", within=0.02)
