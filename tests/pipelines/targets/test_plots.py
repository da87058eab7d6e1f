import numpy as np
import pytest

from bundle import Target
from pipelines.model.plots import draw_plots
from pipelines.targets.of_type import task_of
from tests.small_project import binary

RANDOM = np.random.default_rng(1)
CODES = (np.arange(200) % 3).astype(np.int8)
THREE = RANDOM.dirichlet([1, 1, 1], 200).astype(np.float32)
MANY = tuple(f"class ${number}" for number in range(20))
NUMBERS = RANDOM.normal(0, 1, 200).astype(np.float32)
QUANTILES = np.column_stack([NUMBERS - 1, NUMBERS, NUMBERS + 1])


@pytest.mark.parametrize(
    ("task", "truth", "outputs", "names"),
    [
        (binary(), CODES % 2, THREE[:, 0], {"roc", "precision_recall", "calibration", "score_by_class"}),
        (
            task_of(
                Target(name="t", type="multiclass", classes=("a", "b", "c$")),
            ),
            CODES,
            THREE,
            {"confusion_matrix", "calibration", "roc"},
        ),
        (
            task_of(Target(name="t", type="multiclass", classes=MANY)),
            CODES,
            RANDOM.dirichlet([1] * 20, 200).astype(np.float32),
            {"confusion_matrix", "calibration", "roc"},
        ),
        (task_of(Target(name="t", type="regression")), NUMBERS, NUMBERS, {"predicted_against_true", "residuals"}),
        (
            task_of(Target(name="t", type="regression", unit="$", interval=0.8)),
            NUMBERS,
            QUANTILES,
            {"predicted_against_true", "residuals", "interval_coverage"},
        ),
    ],
)
def test_each_type_has_its_plots(tmp_path, task, truth, outputs, names):
    files = draw_plots(tmp_path, task.drawings(truth, outputs), gains={"height": 3.0, "age": 1.0})

    assert {path.stem for path in files} == names | {"importance"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)
