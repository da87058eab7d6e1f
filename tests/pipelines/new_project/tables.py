"""Tables of which a project is made: nothing of them is in the examples."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["houses", "loans"]


def loans(rows: int = 400, seed: int = 1) -> pd.DataFrame:
    """Two classes as texts, no time, an identifier, gaps."""
    random = np.random.default_rng(seed)
    income = random.lognormal(10, 0.5, rows).round(0)
    purpose = random.choice(["car", "house", "study"], rows)
    fails = random.normal(size=rows) + 1.2 * (income < 20_000) + 0.8 * (purpose == "study") > 1
    table = pd.DataFrame(
        {
            "loan": [f"L{number:05}" for number in range(rows)],
            "income": income,
            "age": random.integers(18, 90, rows),
            "purpose": purpose,
            "employed": random.random(rows) < 0.8,
            "currency": "EUR",
            "outcome": np.where(fails, "default", "paid"),
        }
    )
    table.loc[random.random(rows) < 0.1, "income"] = np.nan
    return table


def houses(rows: int = 600, seed: int = 2) -> pd.DataFrame:
    """A number, a time, gaps, and a column that is known only with the target."""
    random = np.random.default_rng(seed)
    area = random.gamma(6, 18, rows).round(1)
    district = random.choice(["north", "south", "centre"], rows)
    price = (2500 * area * (1 + 0.3 * (district == "centre")) + random.normal(0, 20_000, rows)).round(-2)
    table = pd.DataFrame(
        {
            "sold_on": pd.date_range("2023-01-01", periods=rows, freq="13h"),
            "area": area,
            "rooms": random.integers(1, 8, rows),
            "district": district,
            "price": price,
            "price_with_tax": (1.19 * price).round(0),
        }
    )
    table.loc[random.random(rows) < 0.1, "rooms"] = np.nan
    table.loc[random.random(rows) < 0.05, "price"] = np.nan
    return table
