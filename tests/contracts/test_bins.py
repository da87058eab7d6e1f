"""The API counts into the same bins as training did for the reference."""

import numpy as np
import pandas as pd
import pytest

from bundle import Contract
from evaluation.bins import DriftCounter
from pipelines.config.params import EvaluateParams
from pipelines.dataset.rows import FrameRows
from pipelines.model.drift_reference import build_reference
from pipelines.model.matrix import encode


@pytest.fixture
def rows(contract: Contract, matrix):
    table = pd.DataFrame(matrix, columns=[feature.name for feature in contract.features]).astype(object)
    for feature in contract.features:
        if feature.categories is not None:
            names = {code: name for name, code in feature.categories.items()}
            table[feature.name] = [
                None if np.isnan(v) else names[int(v)] for v in matrix[:, list(table).index(feature.name)]
            ]
    return table.astype({"height": float, "age": float, "grafted": float})


def test_training_rows_give_the_reference_shares(contract, rows):
    scores = np.linspace(0, 1, len(rows), dtype=np.float32)
    reference = build_reference(FrameRows(rows), contract, scores, params=EvaluateParams(category_bins=2))
    counter = DriftCounter(contract, reference)

    encoded = encode(rows, contract)

    for index, feature in enumerate(contract.features):
        bins = reference.features[feature.name]
        counts = dict(counter.features[feature.name].count(encoded[:, index]))
        shares = [counts.get(place, 0) / len(rows) for place in range(len(bins.labels))]
        np.testing.assert_allclose(shares, bins.shares, atol=1e-9, err_msg=feature.name)
    counts = dict(counter.score.count(scores))
    np.testing.assert_allclose([counts.get(p, 0) / len(rows) for p in range(10)], reference.score.shares, atol=1e-9)
