"""Three real tables, from the file to the champion: they differ by schema.yaml, params.yaml and the table alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from bundle import load_public_keys, read_bundle
from bundle.vocabulary import CHAMPION
from pipelines.config.settings import load_settings
from pipelines.dataset.files import GATE_REPORT, SPLIT_JSON, TEST, TRAIN, read_prepared
from pipelines.dataset.pointer import load_pointer
from pipelines.dataset.remote import Remote
from pipelines.errors import InvalidData
from pipelines.simulation.retrains import Plan, retrain
from pipelines.stages import evaluate, fetch, prepare, register, train, validate
from pipelines.targets.project import load_project
from tests.projects.tables import PROJECTS, table_of
from tests.small_project import use_project, write_data


@pytest.fixture
def use(project, connected):
    """Return a function that runs all stages on the table of a project, with changed parameters if any."""

    def run(name, *changes):
        use_project(name)
        return again(*changes, table=table_of(name))

    def again(*changes, table=None):
        path = Path("pipelines/params.yaml")
        for old, new in changes:
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))
        if table is not None:
            data = write_data(table)
            Remote(load_settings()).push(load_pointer(Path("pipelines/data/current.yaml")), data)
        summaries = [stage.main() for stage in (fetch, validate, prepare, train, evaluate, register)]
        return load_project().params.register_.model_name, summaries

    run.again = again
    return run


EXPECTED = {
    "wine": ("multiclass", 3, "accuracy", {"confusion_matrix", "calibration", "roc", "importance"}),
    "penguins": ("multiclass", 3, "accuracy", {"confusion_matrix", "calibration", "roc", "importance"}),
    "diabetes": (
        "regression",
        3,
        "root mean squared error",
        {"predicted_against_true", "residuals", "interval_coverage", "importance"},
    ),
}


@pytest.mark.parametrize("project_name", PROJECTS)
def test_first_model_becomes_champion_and_is_compared_with(use, registry, keys, tmp_path, project_name):
    kind, outputs, headline, plots = EXPECTED[project_name]

    name, summaries = use(project_name)

    assert "passed the gate and is champion" in summaries[-1]
    assert headline in summaries[-2]
    champion = registry.version(name, "1")
    registry.download_bundle(champion, tmp_path / "download")
    bundle = read_bundle(
        tmp_path / "download", expected=champion.identity, trusted_keys=load_public_keys([keys.public])
    )
    target = bundle.contract.target
    assert (target.type, target.outputs) == (kind, outputs)
    assert bundle.golden_rows.predictions.shape == (10_000, outputs)
    rows = read_prepared(TRAIN)
    lineage = bundle.manifest.lineage
    assert (lineage.trained_rows, lineage.data_until) == (len(rows), None)
    assert lineage.split.seed == load_project().params.prepare.seed
    assert bundle.metrics.test.rows == len(read_prepared(TEST))
    assert {path.stem for path in Path("pipelines/work/plots").glob("*.png")} == plots
    assert all(bins.natural_psi is None for bins in [*bundle.reference.features.values(), bundle.reference.score])
    assert champion.tags["gate.verdict"] == "first"
    assert champion.tags["target_type"] == registry._client.get_run(champion.run_id).data.params["target.type"] == kind

    _, summaries = use.again(("eta: ", "gamma: 0, eta: "))  # the same model, as other work

    assert "rejected" in summaries[-1] and "both predict the same for every row" in summaries[-1]
    assert registry.version_of(name, CHAMPION) == "1"
    report = json.loads((GATE_REPORT / "gate.json").read_text())
    assert report["evidence"]["rows"] == report["evidence"]["test_rows"] == bundle.metrics.test.rows
    assert report["evidence"]["block"] == "row"
    assert (GATE_REPORT / "gate.html").read_text().count("<img") >= 2


def test_better_regression_replaces_the_champion(use, registry):
    name, _ = use("diabetes", ("rounds: 60", "rounds: 3"), ("min_r2: 0.2, max_coverage_error: 0.25", "min_r2: 0.01"))

    _, summaries = use.again(("rounds: 3", "rounds: 60"))

    assert "version 2 passed the gate and is champion" in summaries[-1]
    assert registry.version(name, "2").tags["gate.verdict"] == "better"


def test_champion_of_other_classes_is_not_compared_with(use):
    use("penguins")
    path = Path("pipelines/schema.yaml")
    path.write_text(path.read_text().replace("[adelie, chinstrap, gentoo]", "[a, chinstrap, gentoo]"))

    _, summaries = use.again()

    assert "needs the classes adelie, chinstrap, gentoo; schema.yaml now has a, chinstrap, gentoo" in summaries[-1]


@pytest.mark.parametrize("project_name", PROJECTS)
def test_gate_is_simulated(use, project_name):
    use(project_name)
    parts = read_prepared(TRAIN), read_prepared(TEST)

    found = list(retrain(*parts, load_project(), Plan(comparisons=2), lambda _note="": None))

    assert len(found) == 2
    assert all(
        np.isfinite([one.gain, one.lower, one.upper]).all() and one.lower < one.gain < one.upper for one in found
    )


def test_split_of_other_test_rows_is_not_registered(use, registry):
    use("wine")
    split = json.loads(SPLIT_JSON.read_text())
    SPLIT_JSON.write_text(json.dumps(split | {"seed": 9}))
    edited = Path("pipelines/params.yaml")
    edited.write_text(edited.read_text().replace("min_accuracy: 0.8", "min_accuracy: 0.79"))

    with pytest.raises(InvalidData, match=r"split\.json does not belong to .*test\.parquet"):
        register.main()
