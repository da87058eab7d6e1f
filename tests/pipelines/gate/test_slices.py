import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.gate.blocks import Blocks
from pipelines.gate.gains import Measure
from pipelines.gate.slices import compare_slices, holm
from tests.small_project import binary


def test_holm_by_hand():
    """Four p-values: 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1, which may not fall below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_of_none_and_of_large_values():
    assert holm([]) == []
    assert holm([0.6, 0.9]) == [1, 1]


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_is_between_none_and_bonferroni(values):
    corrected = holm(values)

    assert all(
        p <= q <= min(1, len(values) * p) or q == pytest.approx(p) for p, q in zip(values, corrected, strict=True)
    )
    assert [corrected[place] for place in np.argsort(values, kind="stable")] == sorted(corrected)


@pytest.fixture
def compare():
    """Forty days of fifty rows; a model that is worse by 0.2 where a row is told so."""
    random = np.random.default_rng(1)
    truth = random.integers(0, 2, 2000).astype(np.int8)
    theirs = np.where(truth == 1, 0.7, 0.3) + random.normal(0, 0.05, 2000)
    blocks = Blocks(np.repeat(np.arange(40), 50))

    def run(worse, slices, metric="log_loss", margin=0.02):
        ours = theirs - 0.2 * (2 * truth - 1) * worse + random.normal(0, 0.05, 2000)
        return compare_slices(
            slices, Measure(binary(), metric), (truth, theirs, ours), blocks, margin=margin, level=0.05
        )

    return run


KIND = np.arange(2000) % 4
SLICES = [("kind", str(kind), np.flatnonzero(kind == KIND)) for kind in range(4)]


@pytest.mark.parametrize("metric", ["log_loss", "brier", "roc_auc", "pr_auc"])
def test_worse_slice_is_found(compare, metric):
    worst, *others = sorted(compare(KIND == 2, SLICES, metric, 0.01), key=lambda slice_: slice_.p)

    assert (worst.column, worst.value, worst.rows, worst.blocks) == ("kind", "2", 500, 40)
    assert worst.p < 0.001
    assert worst.upper < -0.01
    assert all(other.p > 0.05 for other in others)


def test_loss_within_the_margin_is_accepted(compare):
    assert min(slice_.p for slice_ in compare(KIND == 2, SLICES, margin=1.0)) > 0.05


def test_slice_of_few_days_or_one_class_is_left_out(compare):
    few = ("kind", "few", np.arange(900))
    one = ("kind", "one", np.arange(0))

    assert [slice_.value for slice_ in compare(KIND == 2, [*SLICES, few, one])] == ["0", "1", "2", "3"]


def test_auc_needs_both_classes():
    truth = np.zeros(100, dtype=np.int8)
    blocks, places = Blocks(np.arange(100) // 4), ("kind", "a", np.arange(100))
    predictions = (truth, np.full(100, 0.4), np.full(100, 0.3))

    assert compare_slices([places], Measure(binary(), "roc_auc"), predictions, blocks, margin=0, level=0.05) == ()
    assert len(compare_slices([places], Measure(binary(), "brier"), predictions, blocks, margin=0, level=0.05)) == 1


def test_without_correction_harmless_slices_would_reject():
    """Thirty slices of equal models, a hundred times: at most five of a hundred reject any."""
    random, rejected, uncorrected = np.random.default_rng(2), 0, 0
    for _ in range(100):
        p_values = list(random.uniform(size=30))
        rejected += min(holm(p_values)) < 0.05
        uncorrected += min(p_values) < 0.05

    assert rejected <= 9 < uncorrected
