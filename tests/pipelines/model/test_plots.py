import numpy as np

from pipelines.model.plots import draw_plots
from tests.small_project import binary


def test_five_plots_are_drawn(tmp_path):
    random = np.random.default_rng(1)
    likely = random.random(200).astype(np.float32)
    truth = (random.random(200) < likely).astype(np.int8)

    files = draw_plots(tmp_path, binary().drawings(truth, likely), gains={"height": 3.0, "age": 1.0})

    assert {path.stem for path in files} == {"roc", "precision_recall", "calibration", "importance", "score_by_class"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files)
