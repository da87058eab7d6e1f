import inspect

import pytest

from bundle import ExpectedError
from espalier.client import errors
from espalier.client.errors import ApiProblem, ClientError, FieldProblem


def test_every_error_is_expected_and_drawn():
    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, ExpectedError)]

    for one in classes:
        assert one is ExpectedError or issubclass(one, ClientError)
        assert one is ExpectedError or one.__name__ in errors.__doc__


def test_problem_without_a_request_id_is_one_line():
    assert str(ApiProblem(401, "wrong")) == "the API answered 401: wrong"


@pytest.mark.parametrize(
    ("field", "shifted"),
    [
        ("rows[3].age", "rows[1003].age"),
        ("rows[3].age[2]", "rows[1003].age[2]"),
        ("rows[12]", "rows[1012]"),
        ("columns.age[3]", "columns.age[1003]"),
        ("columns.age[2][3]", "columns.age[2][1003]"),
        ("columns.age", "columns.age"),
        ("", ""),
    ],
)
def test_rows_are_numbered_as_in_the_whole_table(field, shifted):
    problem = ApiProblem(422, "wrong", "invalid_rows", "r", (FieldProblem(field, "m"),), 7).shifted(1000)

    assert problem.problems == (FieldProblem(shifted, "m"),)
    assert (problem.status, problem.code, problem.request_id, problem.retry_after_seconds) == (
        422,
        "invalid_rows",
        "r",
        7,
    )
