"""Does the API answer rows as training measured them? Test rows are read, encoded and evaluated as the API does it.

Golden rows compare the model only. A difference in reading or encoding a row (train/serve skew) would make every score
of the test set untrue in production, and nothing would fail.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb
from pydantic import TypeAdapter, ValidationError

from bundle import Bundle
from evaluation.encoding import encode as encode_served
from evaluation.evaluator import create_evaluator
from evaluation.examination import examine
from evaluation.row_schema import row_type
from pipelines.config.schema import Schema
from pipelines.errors import AlteredData
from pipelines.model.matrix import encode, to_records
from pipelines.model.measure import predict

__all__ = ["SERVED_ROWS", "verify_served_rows"]

SERVED_ROWS = 1000
"""How many test rows are compared, at equal distances."""

Floats = npt.NDArray[np.float32]


def verify_served_rows(bundle: Bundle, test: pd.DataFrame, schema: Schema) -> str:
    """Compare test rows as the API answers them with what training predicts for them, bit for bit.

    Args:
        bundle: as it was read back.
        test: (n, k) prepared rows.

    Returns:
        How many rows were compared, and how many the API would refuse, such as those with an unknown category.

    Raises:
        AlteredData: the first row and feature, or the first prediction, that differs.
    """
    places = np.unique(np.linspace(0, len(test) - 1, min(len(test), SERVED_ROWS)).astype(np.intp))
    rows = test.iloc[places]
    accepted, served_rows = _read(bundle, rows, schema)
    if not served_rows:
        raise AlteredData(
            f"the API would refuse all {len(rows):,} test rows that were tried; compare the types and ranges in "
            "schema.yaml with the table"
        )
    rows, places = rows[accepted], places[accepted]
    ours, served = encode(rows, bundle.contract), encode_served(served_rows, bundle.contract)
    _check_encoding(ours, served, places, bundle)
    booster = xgb.Booster(model_file=bytearray(bundle.model))
    evaluator = create_evaluator(bundle.model, bundle.contract, examine(bundle))
    _check_predictions(predict(booster, ours), evaluator.predict(served), places, evaluator.name)
    refused = int((~accepted).sum())
    more = f"; it would refuse {refused:,} more" if refused else ""
    return f"the API's reader and {evaluator.name} give the same predictions for {len(rows):,} test rows{more}"


def _read(bundle: Bundle, rows: pd.DataFrame, schema: Schema) -> tuple[npt.NDArray[np.bool_], list[dict[str, Any]]]:
    """Return which rows the API accepts in JSON, and what it reads."""
    check, read = TypeAdapter(row_type(bundle.contract)), []
    accepted = np.zeros(len(rows), dtype=bool)
    optional = [feature.name for feature in bundle.contract.features if feature.optional]
    for place, record in enumerate(to_records(rows, schema)):
        for name in optional:
            if record[name] is None:  # as clients do that do not know the column
                del record[name]
        try:
            read.append(check.validate_json(json.dumps(record)))
        except ValidationError:
            continue
        accepted[place] = True
    return accepted, read


def _check_encoding(ours: Floats, served: Floats, places: npt.NDArray[np.intp], bundle: Bundle) -> None:
    differ = ~((ours == served) | (np.isnan(ours) & np.isnan(served)))
    if not differ.any():
        return
    row, column = np.argwhere(differ)[0]
    feature = bundle.contract.features[column].name
    raise AlteredData(
        f"training and serving encode test row {places[row] + 1} differently: {feature} is {ours[row, column]} for "
        f"training and {served[row, column]} for the API. This is a fault in Espalier; nothing was promoted"
    )


def _check_predictions(ours: Floats, served: Floats, places: npt.NDArray[np.intp], evaluator: str) -> None:
    if ours.tobytes() == served.astype(np.float32).tobytes():
        return
    row = int(np.argwhere((ours != served).reshape(len(ours), -1).any(axis=1))[0, 0])
    raise AlteredData(
        f"training predicts {ours[row]} for test row {places[row] + 1}, but the API ({evaluator}) would answer "
        f"{served[row]}. This is a fault in Espalier; nothing was promoted"
    )
