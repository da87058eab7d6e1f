import pandas as pd
import pandera.errors
import pytest

from pipelines.dataset.columns import table_schema
from pipelines.stages.validate import check_table


@pytest.fixture
def typed(table, schema, params):
    return check_table(table, schema, params.validate_)


def test_every_column_of_the_schema_has_rules(schema):
    assert set(table_schema(schema).columns) == set(schema.columns)


@pytest.mark.parametrize(("height", "passes"), [(0, True), (50, True), (-0.001, False), (50.001, False), (None, True)])
def test_range_includes_its_ends_and_skips_missing_values(schema, typed, height, passes):
    typed["height"] = float("nan") if height is None else height

    if passes:
        assert len(table_schema(schema).validate(typed)) == len(typed)
    else:
        with pytest.raises(pandera.errors.SchemaError):
            table_schema(schema).validate(typed)


def test_largest_number_of_32_bits_passes(schema, typed):
    open_ended = schema.model_copy(
        update={"features": tuple(f.model_copy(update={"minimum": None, "maximum": None}) for f in schema.features)}
    )

    for value in (3.4028234663852886e38, -3.4028234663852886e38):
        assert len(table_schema(open_ended).validate(typed.assign(height=value))) == len(typed)
    with pytest.raises(pandera.errors.SchemaError):
        table_schema(open_ended).validate(typed.assign(height=3.4028236e38))


def test_category_of_200_characters_passes(schema, typed):
    assert len(table_schema(schema).validate(typed.assign(soil="s" * 200))) == len(typed)
    with pytest.raises(pandera.errors.SchemaError):
        table_schema(schema).validate(typed.assign(soil=pd.Series([""] * len(typed), index=typed.index)))
