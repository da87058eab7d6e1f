import sqlite3

import pytest

from pipelines.errors import InvalidParams, MissingData, Unreachable
from pipelines.tuning.storage import need_optuna, open_study, storage_of

PASSWORD = "hunter2-secret"


@pytest.fixture(autouse=True)
def quiet():
    need_optuna()


def study_of(url, *, resume=False, prefix="trees-abc"):
    return open_study(storage_of(url), prefix, resume=resume, seed=1, warm_up=10)


def test_new_study_has_a_number_of_its_own(url):
    assert [study_of(url).study_name for _ in range(2)] == ["trees-abc-1", "trees-abc-2"]
    assert study_of(url, prefix="trees-xyz").study_name == "trees-xyz-1"


def test_resumed_study_is_the_newest_with_its_trials(url):
    study_of(url)
    study_of(url).optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)

    again = study_of(url, resume=True)

    assert again.study_name == "trees-abc-2"
    assert len(again.trials) == 3


def test_resumed_study_tries_other_values(url):
    study_of(url).optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    again = study_of(url, resume=True)
    again.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)

    assert len({trial.params["x"] for trial in again.trials}) == 6


def test_nothing_to_resume_is_reported(url):
    study_of(url, prefix="trees-xyz")

    with pytest.raises(
        MissingData, match=r"no study of these rows, columns and parameters to resume.*leave out --resume"
    ):
        study_of(url, resume=True)


def test_database_of_mlflow_is_refused(tmp_path):
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        database.execute("INSERT INTO alembic_version VALUES ('dc11669786a5')")
    database.close()

    with pytest.raises(InvalidParams, match=r"has tables of another program.*not that of MLflow"):
        storage_of(f"sqlite:///{path}")


def test_password_is_in_no_message(capfd):
    for url in (f"postgresql://me:{PASSWORD}@127.0.0.1:1/studies", f"nonsense://me:{PASSWORD}@127.0.0.1/x"):
        with pytest.raises(Unreachable) as caught:
            storage_of(url)
        assert PASSWORD not in str(caught.value)
        assert "://me:***@127.0.0.1" in str(caught.value)
        assert caught.value.__cause__ is None
    with pytest.raises(InvalidParams, match="no SQLAlchemy URL") as caught:
        storage_of(f"me:{PASSWORD}@somewhere")
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in "".join(capfd.readouterr())
