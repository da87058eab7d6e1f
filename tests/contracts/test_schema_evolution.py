"""What docs/schema-evolution.md says of a changed table, by pipeline, gate and API together.

Each case trains a champion with the old columns and a candidate with the new ones, and serves both: as while a rollout
replaces old pods by new ones, clients of either contract reach pods of either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from bundle import load_private_key
from bundle.reference import SHARE_FLOOR
from bundle.vocabulary import CHAMPION
from evaluation.bins import DriftCounter
from evaluation.encoding import encode
from pipelines.config.settings import load_settings
from pipelines.dataset.pointer import load_pointer
from pipelines.dataset.remote import Remote
from pipelines.errors import InvalidData
from pipelines.registry.versions import Registry
from pipelines.stages import evaluate, fetch, prepare, register, train, validate
from services.api.app import create_app
from services.api.auth.tokens.access_tokens import TokenIssuer
from services.api.database.engine import migrate, open_engine
from services.api.keys import load_keys
from services.api.model.loaded import Model, load_model
from services.api.model.source import ServedBundle
from services.api.settings import Settings
from services.api.startup import requested_model
from tests.services.api.prediction.columnar.arrow import ORCHARD, stream, table
from tests.services.api.prediction.inference.tensors import DATATYPES, tensor
from tests.small_project import CONFIG, PARAMS, SCHEMA, make_table, own_name, write_data

AGE = "  - {name: age, type: int, minimum: 0, maximum: 300}\n"
HEIGHT = "  - {name: height, type: float, unit: m, minimum: 0, maximum: 50, nullable: true}\n"
RAIN = "  - {name: rain, type: float, unit: mm, minimum: 0, maximum: 100"
OPTIONAL_RAIN = f"{RAIN}, nullable: true, optional: true}}\n"
IGNORED_AGE = "ignored: [{name: age, type: int, description: Not measured since 2025}]\n"
ROWS = 1200
GATE = "gate: {block: row, confidence: 0.8, "
"""Every candidate is better by far, and is to be called so in the tenth comparison with one champion too."""

WEAK, STRONG = "{max_depth: 1, eta: 0.05}", "{max_depth: 4, eta: 0.3}"
PSI_LIMIT = 0.25
"""Of alerts/drift.yaml."""

OLD_ROW = {"height": 3.5, "age": 12, "grafted": True, "kind": "pear", "soil": "loam"}
WITH_RAIN = {**OLD_ROW, "rain": 12.5}
WITHOUT_AGE = {name: value for name, value in OLD_ROW.items() if name != "age"}


def usual() -> pd.DataFrame:
    return make_table(ROWS)


def rainy(*, without: int = 300) -> pd.DataFrame:
    """The table with a new column, which the oldest rows do not have."""
    made = usual()
    made["rain"] = np.random.default_rng(5).uniform(0, 100, ROWS).round(1)
    made.loc[: without - 1, "rain"] = np.nan
    return made


def in_feet(name: str = "height") -> pd.DataFrame:
    made = usual()
    made[name] = (made["height"] * 3.28).round(1)
    return made


def with_cherries() -> pd.DataFrame:
    made = usual()
    made.loc[::10, "kind"] = "cherry"
    return made


def partly_without_age() -> pd.DataFrame:
    made = usual()
    made["age"] = made["age"].astype(float)
    made.loc[::4, "age"] = np.nan
    return made


@dataclass(frozen=True)
class Case:
    """A schema.yaml and the table that goes with it."""

    schema: str
    table: Callable[[], pd.DataFrame] = usual


CASES = {
    "old": Case(SCHEMA),
    "new required column": Case(f"{SCHEMA}{RAIN}}}\n", lambda: rainy(without=0)),
    "new optional column": Case(SCHEMA + OPTIONAL_RAIN, rainy),
    "new column announced": Case(f"{SCHEMA}ignored: [{{name: rain, type: float}}]\n"),
    "dropped column": Case(SCHEMA.replace(AGE, "")),
    "dropped column ignored": Case(SCHEMA.replace(AGE, "") + IGNORED_AGE),
    "column becomes optional": Case(
        SCHEMA.replace(AGE, AGE.replace("}", ", nullable: true, optional: true}")), partly_without_age
    ),
    "new category": Case(SCHEMA.replace("quince]", "quince, cherry]"), with_cherries),
    "dropped category": Case(SCHEMA.replace("plum, quince]", "plum]")),
    "changed unit": Case(
        SCHEMA.replace("unit: m, minimum: 0, maximum: 50", "unit: ft, minimum: 0, maximum: 164"), in_feet
    ),
    "new unit, new name": Case(
        SCHEMA.replace(
            HEIGHT,
            "  - {name: height_ft, type: float, unit: ft, minimum: 0, maximum: 164, nullable: true, optional: true}\n",
        )
        + "ignored: [{name: height, type: float, unit: m}]\n",
        lambda: in_feet("height_ft"),
    ),
}


@dataclass
class Trained:
    """The last line of a run, and the API with its model if the gate passed it."""

    summary: str
    number: str
    client: TestClient | None = None
    model: Model | None = None
    issuer: TokenIssuer | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Of a client whose token is new."""
        assert self.issuer is not None, self.summary
        return {"Authorization": f"Bearer {self.issuer.issue('ana', ('predict', 'model:read'), epoch=1)}"}

    def status(self, *rows: dict[str, Any]) -> int:
        return self.ask(*rows).status_code

    def reasons(self, *rows: dict[str, Any]) -> list[str]:
        """Which fields are refused, and why."""
        answer = self.ask(*rows)
        return [f"{problem['field']} {problem['message']}" for problem in answer.json()["errors"]]

    def ask(self, *rows: dict[str, Any], **options: Any) -> Any:
        assert self.client is not None, self.summary
        return self.client.post("/v1/predict", json={"rows": rows}, headers=self.headers, **options)

    def predictions(self, *rows: dict[str, Any]) -> Any:
        return self.ask(*rows).json()["predictions"]


@dataclass(frozen=True)
class World:
    """A project whose champion has the old columns."""

    folder: Path
    keys: Any
    name: str

    def train(self, case: Case, *, booster: str) -> Trained:
        """Run every stage; the champion is the same afterwards."""
        Path("pipelines/schema.yaml").write_text(case.schema)
        params = PARAMS.replace("MODEL_NAME", self.name).replace("gate: {", GATE)
        Path("pipelines/params.yaml").write_text(re.sub(r"booster: \{.*?\}", f"booster: {booster}", params))
        table = write_data(case.table())
        Remote(load_settings()).push(load_pointer(Path("pipelines/data/current.yaml")), table)
        for stage in (fetch, validate, prepare, train, evaluate):
            stage.main()
        summary, registry = register.main(), Registry(load_settings())
        version = registry.versions(self.name)[0]
        if registry.version_of(self.name, CHAMPION) != "1":
            registry.set_alias(self.name, CHAMPION, "1")
        trained = Trained(summary, version.number)
        if version.tags["gate"] == "passed":
            bundle = self.folder / "bundles" / version.number
            bundle.mkdir(parents=True)
            registry.download_bundle(version, bundle)
            self._serve(trained, bundle)
        return trained

    def _serve(self, trained: Trained, bundle: Path) -> None:
        settings = Settings(
            jwt_signing_key_file=self.keys.private,
            model_public_key_files=(self.keys.public,),
            mlflow_tracking_uri="http://127.0.0.1:1",
            model_name=self.name,
            database_url=f"sqlite:///{self.folder}/users.db",
            docs_enabled=True,
            request_timeout_seconds=60,  # on a busy machine
            graceful_seconds=60,
            allowed_hosts=("testserver",),
        )
        migrate(settings.database_url)
        served = ServedBundle(self.name, trained.number, bundle, "registry")
        trained.model = load_model(served, requested_model(settings, load_keys(settings)))
        app = create_app(
            settings, load_keys(settings), trained.model, open_engine(settings.database_url), CollectorRegistry()
        )
        trained.client = TestClient(app)
        trained.issuer = TokenIssuer(
            load_private_key(self.keys.private),
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            seconds=600,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory, mlflow, keys) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("evolving")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for part in ("pipelines/data", ".dvc"):
            Path(part).mkdir(parents=True)
        Path(".dvc/config").write_text(CONFIG)
        patch.setenv("PIPELINE_MLFLOW_TRACKING_URI", mlflow.uri)
        patch.setenv("PIPELINE_SIGNING_KEY_FILE", str(keys.private))
        patch.setenv("PIPELINE_GIT_COMMIT", "c0ffee")
        yield World(folder, keys, own_name("trees"))


@pytest.fixture(scope="module")
def after(world) -> Callable[[str], Trained]:
    """Return a function that trains a case, once, after the champion with the old columns."""

    @cache
    def run(name: str) -> Trained:
        if name != "old":
            run("old")
        return world.train(CASES[name], booster=WEAK if name == "old" else STRONG)

    return run


@pytest.fixture
def old(after) -> Trained:
    return after("old")


# --- a new column ---------------------------------------------------------------------------------------------------


def test_new_required_column_refuses_clients_of_the_other_contract(old, after):
    new = after("new required column")

    assert "is champion" in new.summary, "the gate compares: the old model does not need the column"
    assert (old.status(OLD_ROW), new.status(WITH_RAIN)) == (200, 200)
    assert new.reasons(OLD_ROW) == ["rows[0].rain is missing; it must be a number from 0 to 100 mm"]
    assert old.reasons(WITH_RAIN)[0].startswith("rows[0].rain is not a feature of this model")


def test_new_optional_column_may_be_left_out(old, after):
    new = after("new optional column")

    assert "is champion" in new.summary
    assert new.predictions(OLD_ROW) == new.predictions({**OLD_ROW, "rain": None})
    assert new.status(OLD_ROW, WITH_RAIN) == 200
    assert old.status(WITH_RAIN) == 422, "so new clients come after the rollout"


def test_table_without_the_new_column_is_refused(world, old):
    with pytest.raises(InvalidData, match=r"missing column\(s\) rain: schema.yaml requires them"):
        world.train(Case(SCHEMA + OPTIONAL_RAIN), booster=STRONG)


def test_optional_column_that_no_training_row_lacks_is_refused(world, old):
    with pytest.raises(InvalidData, match="rain are optional, but every training row has a value"):
        world.train(Case(SCHEMA + OPTIONAL_RAIN, lambda: rainy(without=0)), booster=STRONG)


def test_announced_column_is_accepted_before_a_model_learns_from_it(old, after):
    """So a rollback from the model with the column refuses nobody."""
    announced = after("new column announced")

    assert announced.predictions(OLD_ROW) == announced.predictions(WITH_RAIN)


# --- a dropped column -----------------------------------------------------------------------------------------------


def test_dropped_column_is_not_compared(old, after):
    dropped = after("dropped column")

    assert dropped.client is None
    assert "needs column(s) age, which schema.yaml no longer has (list them as ignored" in dropped.summary


def test_ignored_column_may_still_be_sent(old, after):
    new = after("dropped column ignored")

    assert "is champion" in new.summary, "the gate compares: the table has the column for the old model"
    assert new.predictions(OLD_ROW) == new.predictions(WITHOUT_AGE)
    assert new.status({**OLD_ROW, "age": "unknown"}) == 200
    assert old.reasons(WITHOUT_AGE) == ["rows[0].age is missing; it must be a whole number from 0 to 300"], (
        "so new clients come after the rollout"
    )


def test_column_that_has_become_optional_may_be_left_out_before_it_is_dropped(old, after):
    leaving, dropped = after("column becomes optional"), after("dropped column ignored")

    for row in (OLD_ROW, WITHOUT_AGE):
        assert (leaving.status(row), dropped.status(row)) == (200, 200)


# --- categories -----------------------------------------------------------------------------------------------------


def test_new_category_is_refused_by_pipeline_and_old_model(world, old, after):
    with pytest.raises(InvalidData, match="column kind: 'cherry' is not one of the 4 categories"):
        world.train(Case(SCHEMA, with_cherries), booster=STRONG)

    new, cherry = after("new category"), {**OLD_ROW, "kind": "cherry"}

    assert "is champion" in new.summary
    assert (new.status(OLD_ROW), new.status(cherry)) == (200, 200)
    assert old.reasons(cherry) == ["rows[0].kind must be one of apple, pear, plum, quince"]


def test_category_without_a_code_is_a_missing_value_where_the_schema_says_so(old, after):
    chalk, gap = {**OLD_ROW, "soil": "chalk"}, {**OLD_ROW, "soil": None}

    assert old.predictions(chalk) == old.predictions(gap)


def test_declared_category_is_accepted_before_any_row_has_it(old):
    assert old.status({**OLD_ROW, "kind": "quince"}) == 200


def test_dropped_category_is_refused(old, after):
    assert after("dropped category").reasons({**OLD_ROW, "kind": "quince"}) == [
        "rows[0].kind must be one of apple, pear, plum"
    ]


# --- a changed unit -------------------------------------------------------------------------------------------------


def test_changed_unit_is_rejected_by_the_gate(old, after):
    changed = after("changed unit")

    assert changed.client is None
    assert "needs height in m, and schema.yaml says another unit" in changed.summary


def test_values_in_another_unit_are_found_by_the_range_only(world, old):
    with pytest.raises(InvalidData, match=r"column height: \d+\.\d+ is not less_than_or_equal_to\(50"):
        world.train(Case(SCHEMA, in_feet), booster=STRONG)

    assert old.reasons({**OLD_ROW, "height": 60.0}) == ["rows[0].height must be a number from 0 to 50 m or null"]
    assert old.status({**OLD_ROW, "height": 3.5 * 3.28}) == 200, "nothing in one value says that it is of feet"


def test_values_in_another_unit_within_the_range_are_drift(old):
    bundle = old.model.bundle
    heights = in_feet()["height"].dropna()
    rows = [{**OLD_ROW, "height": height} for height in heights[heights <= 50]]
    expected = bundle.reference.features["height"].shares

    counted = DriftCounter(bundle.contract, bundle.reference).count(encode(rows, bundle.contract))[: len(expected)]

    live, reference = (np.maximum(np.asarray(shares) / sum(shares), SHARE_FLOOR) for shares in (counted, expected))
    assert float(((live - reference) * np.log(live / reference)).sum()) > PSI_LIMIT


def test_new_unit_under_a_new_name_refuses_no_old_client(old, after):
    new, in_new_unit = after("new unit, new name"), {**OLD_ROW, "height_ft": 11.5}
    del in_new_unit["height"]

    assert "is champion" in new.summary
    assert (new.status(in_new_unit), new.status({**in_new_unit, "height": 3.5})) == (200, 200)
    assert new.predictions(OLD_ROW) == new.predictions({**OLD_ROW, "height_ft": None})
    assert old.status(in_new_unit) == 422, "so new clients come after the rollout"


# --- every form of request ------------------------------------------------------------------------------------------


def arrow(trained: Trained, row: dict[str, Any]) -> Any:
    kind = "application/vnd.apache.arrow.stream"
    headers = trained.headers | {"Content-Type": kind}
    return trained.client.post("/v1/predict", content=stream(table([row], **ORCHARD)), headers=headers)


def columns(trained: Trained, row: dict[str, Any]) -> Any:
    body = {"columns": {name: [value] for name, value in row.items()}}
    return trained.client.post("/v1/predict", json=body, headers=trained.headers)


def tensors(trained: Trained, row: dict[str, Any]) -> Any:
    kinds = DATATYPES | {"rain": "FP64"}
    body = {"inputs": [tensor(name, kinds[name], [value]) for name, value in row.items()]}
    name = trained.model.bundle.contract.model_name
    return trained.client.post(f"/v2/models/{name}/infer", json=body, headers=trained.headers)


@pytest.mark.parametrize("send", [Trained.ask, columns, arrow, tensors])
@pytest.mark.parametrize(
    ("case", "new_row"), [("new optional column", WITH_RAIN), ("dropped column ignored", WITHOUT_AGE)]
)
def test_every_form_of_request_follows_the_same_rules(old, after, send, case, new_row):
    new = after(case)

    assert [send(new, row).status_code for row in (OLD_ROW, new_row)] == [200, 200]
    more_tensors = send is tensors and len(new_row) > len(OLD_ROW)
    assert [send(old, row).status_code for row in (OLD_ROW, new_row)] == [200, 400 if more_tensors else 422]


def test_openapi_says_what_may_be_left_out_and_what_is_ignored(old, after):
    def row_of(trained: Trained) -> Any:
        schemas = trained.client.get("/openapi.json").json()["components"]["schemas"]
        return schemas["Row"]

    before, rain, age = row_of(old), row_of(after("new optional column")), row_of(after("dropped column ignored"))

    assert set(before["required"]) == set(before["properties"]) == set(OLD_ROW)
    assert set(rain["required"]) == set(OLD_ROW) and "rain" in rain["properties"]
    assert set(age["required"]) == set(WITHOUT_AGE)
    assert age["properties"]["age"]["deprecated"] is True
    assert age["properties"]["age"]["description"] == "Not measured since 2025"
    assert "deprecated" not in json.dumps(before)


def test_served_contract_names_them(after):
    described = [
        after(case).client.get("/v1/model", headers=after(case).headers).json()["contract"]
        for case in ("new optional column", "dropped column ignored", "old")
    ]

    assert described[0]["features"][-1]["optional"] is True
    assert described[1]["ignored"] == [{"name": "age", "description": "Not measured since 2025"}]
    assert "ignored" not in described[2] and "optional" not in json.dumps(described[2])
