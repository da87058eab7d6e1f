"""The second half of the demo: create a user, and predict rows that the model was not trained on."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from espalier.local.api_server import ApiAddress
from espalier.local.state import State

if TYPE_CHECKING:
    import pandas as pd

    from espalier.client import Client
    from espalier.client.predictions import AnyPrediction

__all__ = ["Sample", "keep_password", "make_user", "predict_sample", "read_metrics", "sample_rows"]

MOST_ROWS = 5000
"""Test rows that are predicted of a table without a time."""


@dataclass(frozen=True)
class Sample:
    """Test rows with predictions and what was true."""

    date: str
    """The day; empty if the table has no time."""

    rows: pd.DataFrame
    predictions: list[AnyPrediction]
    truth: list[Any]
    """Labels, or values."""


def make_user(state: State, name: str) -> str:
    """Create the user, or reset its password; return the new random password."""
    from services.api.auth.accounts import UserChange
    from services.api.auth.passwords.hashing import Passwords, random_password
    from services.api.auth.scopes import Scope
    from services.api.auth.users import open_user_store
    from services.api.errors import UserExists

    password = random_password()
    encoded = Passwords().hash(password)
    with closing(open_user_store(state.users_database)) as store:
        try:
            store.create(name, encoded, [Scope.PREDICT, Scope.MODEL_READ])
        except UserExists:
            store.change(name, UserChange(password_hash=encoded))
    return password


def keep_password(path: Path, password: str) -> None:
    """Write a password to a file with mode 0600."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)


def sample_rows() -> tuple[str, pd.DataFrame]:
    """Return the day with the most rows of the test set, and these rows; of a table without a time the first rows."""
    from pipelines.dataset.files import TEST, read_prepared
    from pipelines.targets.project import load_project

    test, column = read_prepared(TEST), load_project().schema.time
    if column is None:
        return "", test.iloc[:MOST_ROWS]
    days = test[column.name].dt.strftime("%Y-%m-%d")
    date = str(days.value_counts().idxmax())
    return date, test[days == date]


def predict_sample(client: Client) -> Sample:
    """Predict these rows with the API."""
    from pipelines.model.matrix import labels, to_records
    from pipelines.targets.project import load_project

    project = load_project()
    (date, rows), classes = sample_rows(), project.target.classes
    truth = labels(rows, project.task).tolist()
    predictions: list[AnyPrediction] = list(client.predict(to_records(rows, project.schema)).predictions)
    return Sample(date, rows, predictions, [classes[code] for code in truth] if classes else truth)


def read_metrics(address: ApiAddress, names: tuple[str, ...]) -> list[str]:
    """Return the non-zero samples of these metrics."""
    lines = httpx.get(address.metrics_url, trust_env=False).text.splitlines()
    return [line for line in lines if line.startswith(names) and not line.endswith(" 0.0")]
