import pytest

from services.api.http.columnar import PARQUET_MEMORY_BYTES, Form, create_columnar


def test_every_form_of_columns_has_a_reader(settings, model, target):
    columnar = create_columnar(settings, model, target)

    assert set(columnar.readers) == set(Form) - {Form.ROWS}


def test_limits_are_those_of_the_settings(make_settings, model, target):
    columnar = create_columnar(
        make_settings(max_columnar_body_bytes=5_000_000, max_rows=7, batch_concurrency=3), model, target
    )

    assert (columnar.max_body_bytes, columnar.max_feedback_rows, columnar.bodies.free) == (5_000_000, 7, 6)


def test_decoding_parquet_is_limited_as_the_bodies_are(make_settings, model, target):
    parquet = create_columnar(
        make_settings(max_columnar_body_bytes=5_000_000, max_columnar_rows=9), model, target
    ).parquet

    assert parquet._limits.output_bytes == 5_000_000
    assert parquet._limits.memory_bytes == PARQUET_MEMORY_BYTES + 10_000_000
    assert parquet._max_rows == 9


@pytest.mark.parametrize("target_type", ["multiclass"])
def test_rows_with_a_feedback_token_are_fewer_with_more_outputs(make_settings, model, target):
    columnar = create_columnar(make_settings(max_rows=100_000), model, target)

    assert columnar.max_feedback_rows == 100_000 // 3
