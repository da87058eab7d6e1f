"""The tables of the example projects of other target types than the demo's, from where they come from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

__all__ = ["FOLDER", "PROJECTS", "table_of"]

FOLDER = Path(__file__).parents[2] / "examples"
PROJECTS = ("wine", "penguins", "diabetes")


def table_of(name: str) -> pd.DataFrame:
    """Return the table of a project, as its owner has it."""
    from sklearn.datasets import load_diabetes, load_wine

    if name == "penguins":
        # The file of the package palmerpenguins 0.1.6 with empty cells instead of NA.
        return pd.read_csv(FOLDER / "penguins/pipelines/data/penguins.csv", keep_default_na=False, na_values=[""])
    if name == "wine":
        return load_wine(as_frame=True).frame
    return load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"})
