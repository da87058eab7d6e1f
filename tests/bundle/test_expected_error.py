"""Exit codes of expected errors, as the documentation names them."""

import pytest

from bundle import ExpectedError, errors
from bundle.errors import BundleError


def test_exit_code_is_1_unless_a_class_has_another():
    class Unnamed(ExpectedError):
        pass

    assert (ExpectedError("").exit_code, Unnamed("").exit_code) == (1, 1)


@pytest.mark.parametrize("name", errors.__all__)
def test_each_bundle_error_is_expected_and_exits_with_9(name):
    kind = getattr(errors, name)

    assert issubclass(kind, BundleError) and issubclass(kind, ExpectedError)
    assert kind("").exit_code == 9
