from dataclasses import replace

import pytest

from pipelines.config.tune_params import TuneParams
from pipelines.dataset.rows import FrameRows
from pipelines.tuning.search import Tuner, study_prefix
from pipelines.tuning.storage import need_optuna, open_study, storage_of

SPACE = {
    "max_depth": {"low": 1, "high": 6},
    "eta": {"low": 0.05, "high": 0.5, "log": True},
    "grow_policy": ["depthwise", "lossguide"],
}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'studies.db'}"


@pytest.fixture
def made(trained):
    """The penguins, of which few rounds are enough."""
    need_optuna()
    made = trained("penguins")
    params = made.project.params
    train = params.train.model_copy(update={"rounds": 40, "booster": {"max_depth": 1, "eta": 0.02}})
    changed = params.model_copy(update={"train": train, "tune": TuneParams.model_validate({"space": SPACE})})
    return replace(made, project=replace(made.project, params=changed))


@pytest.fixture
def tuner_of(made, url):
    def make(*, resume=False, train=None):
        rows = FrameRows(made.train if train is None else train)
        storage = storage_of(url)
        study = open_study(storage, study_prefix(rows, made.project), resume=resume, seed=1, warm_up=10)
        return Tuner.of(study, rows, made.project)

    return make
