"""The second half of the demo: create a user, and predict a day that the model was not trained on."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from espalier.local.api_server import ApiAddress
from espalier.local.state import State

if TYPE_CHECKING:
    import pandas as pd

    from espalier.client import Client

__all__ = [
    "Day",
    "busiest_day",
    "by_fifth",
    "keep_password",
    "make_user",
    "most_middle_least",
    "predict_day",
    "read_metrics",
]


@dataclass(frozen=True)
class Day:
    """Test rows of one day, with predictions and true labels."""

    date: str
    rows: pd.DataFrame
    probabilities: list[float]
    truth: list[int]


def make_user(state: State, name: str) -> str:
    """Create the user, or reset its password; return the new random password."""
    from services.api.auth.passwords import Passwords, random_password
    from services.api.auth.scopes import Scope
    from services.api.auth.users import UserChange, open_user_store
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


def most_middle_least(day: Day, each: int) -> list[int]:
    """Return row positions: the ``each`` most likely, as many from the middle, and the least likely, in that order."""
    order = _most_likely_first(day)
    if len(order) <= 3 * each:
        return order
    middle = (len(order) - each) // 2
    return [*order[:each], *order[middle : middle + each], *order[-each:]]


def by_fifth(day: Day) -> list[tuple[float, float]]:
    """Return the mean prediction and the actual share of each fifth of the rows, the most likely first.

    Returns:
        five pairs of shares from 0 to 1; fewer for fewer than five rows.
    """
    order = _most_likely_first(day)
    bounds = [round(len(order) * part / 5) for part in range(6)]
    parts = [order[begin:end] for begin, end in pairwise(bounds) if end > begin]
    return [
        (
            sum(day.probabilities[place] for place in part) / len(part),
            sum(day.truth[place] for place in part) / len(part),
        )
        for part in parts
    ]


def _most_likely_first(day: Day) -> list[int]:
    return sorted(range(len(day.truth)), key=lambda place: -day.probabilities[place])


def busiest_day() -> tuple[str, pd.DataFrame]:
    """Return the day with the most rows of the test set."""
    from pipelines.dataset.files import TEST, read_prepared
    from pipelines.errors import InvalidParams
    from pipelines.targets.project import load_project

    test, column = read_prepared(TEST), load_project().schema.time
    if column is None:
        raise InvalidParams("schema.yaml has no time column, and the demo shows a day")
    time = column.name
    days = test[time].dt.strftime("%Y-%m-%d")
    date = str(days.value_counts().idxmax())
    return date, test[days == date]


def predict_day(client: Client) -> Day:
    """Predict all rows of the busiest test day with the API."""
    from pipelines.model.matrix import labels, to_records
    from pipelines.targets.project import load_project

    project = load_project()
    date, rows = busiest_day()
    predictions = client.predict(to_records(rows, project.schema)).predictions
    return Day(date, rows, [prediction.probability for prediction in predictions], labels(rows, project.task).tolist())


def read_metrics(address: ApiAddress, names: tuple[str, ...]) -> list[str]:
    """Return the non-zero samples of these metrics."""
    lines = httpx.get(address.metrics_url, trust_env=False).text.splitlines()
    return [line for line in lines if line.startswith(names) and not line.endswith(" 0.0")]
