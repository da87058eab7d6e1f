import pytest

from dashboards.tools.units import scale_of, show


@pytest.mark.parametrize(
    ("value", "unit", "wanted"),
    [
        (0.0123, "percentunit", "1.23 %"),
        (35, "percent", "35 %"),
        (0.0042, "s", "4.2 ms"),
        (0, "s", "0 s"),
        (90, "s", "1.5 min"),
        (3 * 86400, "s", "3 days"),
        (20 * 604800, "s", "20 weeks"),
        (2**30, "bytes", "1 GiB"),
        (12, "bytes", "12 B"),
        (12345, "short", "12.3k"),
        (12345, "none", "12,345"),
        (22, "reqps", "22 req/s"),
        (0, "dateTimeAsIso", "1970-01-01 00:00:00"),
        (float("nan"), "short", "NaN"),
        (float("inf"), "s", "+Inf"),
        ("text", "string", "text"),
        (None, "short", ""),
    ],
)
def test_numbers_are_shown_with_their_unit(value, unit, wanted):
    assert show(value, unit) == wanted


def test_decimals_are_kept():
    assert show(0.5, "short", 3) == "0.500"
    assert show(0.12345, "percentunit", 1) == "12.3 %"


def test_ticks_are_multiples_of_the_unit_that_is_shown():
    assert scale_of("s", 45 * 86400) == 86400
    assert scale_of("bytes", 3 * 2**30) == 2**30
    assert scale_of("short", 12) == 1
