"""Training and serving must see the same numbers in the same row."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipelines.matrix import encode as encode_table
from services.api.encoding import encode as encode_rows

ROW = st.fixed_dictionaries(
    {
        "height": st.none() | st.floats(0, 50),
        "age": st.integers(0, 300),
        "grafted": st.booleans(),
        "kind": st.sampled_from(["apple", "pear", "plum", "cherry"]),
        "soil": st.none() | st.sampled_from(["clay", "loam", "peat", "sand", "moon"]),
    }
)


def test_both_sides_encode_alike(contract):
    @given(st.lists(ROW, min_size=1, max_size=20))
    def check(rows):
        np.testing.assert_array_equal(encode_rows(rows, contract), encode_table(pd.DataFrame(rows), contract))

    check()
