import pyarrow as pa
import pytest

from espalier.cli.tables.columnar import _resized, _typed


@pytest.mark.parametrize(
    ("values", "kind", "feature", "expected"),
    [
        ([12.0, None, float("nan")], pa.float64(), "int", [12, None, None]),
        ([12.5, None], pa.float64(), "int", [12.5, None]),
        ([1, 0, None], pa.int8(), "bool", [True, False, None]),
        ([1.0, float("nan")], pa.float64(), "bool", [True, None]),
        ([1, 2], pa.int64(), "bool", [1, 2]),
        ([1, 2], pa.int64(), "category", [1, 2]),
        ([None, None], pa.null(), "bool", [None, None]),
        ([1, 2], pa.int64(), "float", [1, 2]),
        (["tall"], pa.string(), "float", ["tall"]),
    ],
)
def test_values_that_no_type_of_the_contract_has_are_left_to_the_api(values, kind, feature, expected):
    found = _typed(pa.array(values, kind), {"name": "x", "type": feature})

    assert found.to_pylist() == expected
    assert [type(value) for value in found.to_pylist()] == [type(value) for value in expected]


def test_missing_column_gets_the_type_of_its_feature():
    assert _typed(pa.nulls(2), {"name": "x", "type": "category"}).type == pa.string()


@pytest.mark.parametrize(("sizes", "expected"), [([1, 1, 1, 1, 1], [2, 2, 1]), ([5], [2, 2, 1]), ([0, 3, 1], [2, 2])])
def test_batches_are_joined_and_split(sizes, expected):
    values = iter(range(100))
    parts = [pa.record_batch({"x": pa.array([next(values) for _ in range(size)], pa.int64())}) for size in sizes]

    found = list(_resized(parts, 2))

    assert [part.num_rows for part in found] == expected
    assert [value for part in found for value in part.column("x").to_pylist()] == list(range(sum(sizes)))
