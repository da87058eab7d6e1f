from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pandas as pd
import pytest

from bundle import Contract
from pipelines.config.params import load_params
from pipelines.config.schema import load_schema
from pipelines.dataset.rows import FrameRows
from pipelines.gate.decision import Kind
from pipelines.gate.evidence import CalibrationBin, Evidence, Period
from pipelines.model.boosting import Fit, train_booster
from pipelines.model.matrix import build_contract, example_row
from pipelines.stages.prepare import split_by_hash
from pipelines.stages.validate import check_table
from pipelines.targets.project import Project
from tests.pipelines.dask_engine.clusters import Cluster
from tests.projects.tables import FOLDER, table_of


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    """Return a function that gives the evidence of an inconclusive comparison, or of another one."""

    def make(**changes) -> Evidence:
        usual = {
            "champion_version": "4",
            "comparison": 1,
            "metric": "log_loss",
            "champion": 0.498,
            "candidate": 0.4968,
            "gain": 0.0012,
            "error": 0.0016,
            "lower": -0.0021,
            "upper": 0.0045,
            "level": 0.025,
            "rows": 90_000,
            "test_rows": 90_000,
            "blocks": 90,
            "block": "1d",
            "neighbours": 0.1,
            "min_improvement": 0.001,
            "max_loss": 0.005,
            "kind": Kind.INCONCLUSIVE,
            "newer": False,
            "rows_to_decide": None,
            "periods": (Period(start="2025-03-01T00:00", rows=1000, gain=0.002),),
            "calibration": {
                name: (CalibrationBin(predicted=0.2, observed=0.25, rows=90_000),) for name in ("champion", "candidate")
            },
            "calibration_errors": {"champion": 0.05, "candidate": 0.05},
        }
        return Evidence.model_validate(usual | changes)

    return make


@dataclass(frozen=True)
class Trained:
    """A small model of an example project."""

    project: Project
    train: pd.DataFrame
    test: pd.DataFrame
    contract: Contract
    fit: Fit


@pytest.fixture(scope="session")
def trained() -> Callable[..., Trained]:
    """Return a function that trains an example project of examples/, with other values of ``train`` if any."""

    @cache
    def make(name: str, **changes: object) -> Trained:
        folder = FOLDER / name / "pipelines"
        params, schema = load_params(folder / "params.yaml"), load_schema(folder / "schema.yaml")
        changed = params.train.model_copy(update={"rounds": 12, **changes})
        whole = Project(schema, params.model_copy(update={"train": changed}))
        rows = check_table(table_of(name), schema, params.validate_)
        train, test, _ = split_by_hash(rows[rows[schema.target.name].notna()], whole)
        contract = build_contract(FrameRows(train), whole, example=example_row(FrameRows(test), schema))
        fit = train_booster(FrameRows(train), contract, schema, changed, lambda _note="": None, watched=FrameRows(test))
        return Trained(whole, train, test, contract, fit)

    return make


@pytest.fixture(scope="session")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Dask cluster that all tests share and leave as it is."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster")).add("one", "two")
    yield cluster
    cluster.stop()
