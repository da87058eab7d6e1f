from pipelines.targets.check import at_least, at_most


def test_limits_include_their_value():
    assert at_least("R²", 0.5, 0.5).passed and not at_least("R²", 0.4999, 0.5).passed
    assert at_most("error", 0.05, 0.05).passed and not at_most("error", 0.0501, 0.05).passed


def test_score_that_is_not_defined_fails_with_its_reason():
    check = at_least("R²", None, 0.1, undefined="all values are equal")

    assert not check.passed
    assert (check.found, check.explanation) == (0.0, "all values are equal")
