import numpy as np
import pandas as pd

from pipelines.config.params import EvaluateParams
from pipelines.dataset.rows import FrameRows
from pipelines.model.scores import score_slices
from tests.small_project import binary, project_of

TRUTH = np.array([0, 0, 1, 1], dtype=np.int8)
LIKELY = np.array([0.1, 0.6, 0.4, 0.9], dtype=np.float32)


def test_slice_is_scored_on_its_own_rows_with_the_threshold(table, schema):
    known = table[table["bears"].notna()].assign(seen=lambda rows: pd.to_datetime(rows["seen"]))
    truth = known["bears"].to_numpy(dtype=np.int8)
    likely = np.random.default_rng(1).uniform(0, 1, len(known)).astype(np.float32)
    params = EvaluateParams(slices=("kind",), threshold=0.3, time_slice="month")

    slices = score_slices(FrameRows(known), truth, likely, project_of(schema, evaluate=params))

    assert {part.column for part in slices} == {"kind", "month"}
    for part in slices:
        own = known["kind"] == part.value if part.column == "kind" else known["seen"].dt.strftime("%Y-%m") == part.value
        assert part.scores == binary(0.3).score(truth[own], likely[own])
    assert len({part.scores.log_loss for part in slices}) == len(slices)


def test_every_slice_with_enough_rows_is_measured(table, schema):
    known = table[table["bears"].notna()].copy()
    known["seen"] = pd.to_datetime(known["seen"])
    truth = known["bears"].to_numpy(dtype=np.int8)
    params = EvaluateParams(slices=("kind",), time_slice="quarter", min_slice_rows=100)

    slices = score_slices(
        FrameRows(known), truth, np.full(len(known), 0.5, np.float32), project_of(schema, evaluate=params)
    )

    found = {(part.column, part.value): part.scores for part in slices}
    assert ("kind", "pear") in found
    assert ("quarter", "2025Q1") in found
    assert found["kind", "pear"].rows == (known["kind"] == "pear").sum()
    assert all(part.scores.rows >= 100 for part in slices)


def test_slice_with_the_minimum_of_rows_is_measured(table, schema):
    known = table[table["bears"].notna()].assign(seen=lambda rows: pd.to_datetime(rows["seen"]))
    truth, likely = known["bears"].to_numpy(dtype=np.int8), np.full(len(known), 0.5, np.float32)
    pears = int((known["kind"] == "pear").sum())

    def measured(rows):
        params = EvaluateParams(slices=("kind",), time_slice="none", min_slice_rows=rows)
        return {
            part.value for part in score_slices(FrameRows(known), truth, likely, project_of(schema, evaluate=params))
        }

    assert "pear" in measured(pears)
    assert "pear" not in measured(pears + 1)
