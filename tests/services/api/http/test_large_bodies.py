import pytest

from services.api.errors import Busy
from services.api.http.large_bodies import LargeBodies


def test_places_are_limited_and_given_back():
    bodies = LargeBodies(at_a_time=2)
    with bodies.place() as first, bodies.place() as second, bodies.place() as third:
        first.take()
        second.take()
        with pytest.raises(Busy) as refused:
            third.take()
        assert refused.value.retry_after_seconds == 1

    with bodies.place() as first, bodies.place() as second:
        first.take()
        second.take()
    assert bodies.free == 2


def test_place_is_taken_once():
    bodies = LargeBodies(at_a_time=1)
    with bodies.place() as place:
        place.take()
        place.take()
        assert bodies.free == 0
    assert bodies.free == 1


def test_place_that_was_not_taken_is_not_given_back():
    bodies = LargeBodies(at_a_time=1)
    with bodies.place():
        assert bodies.free == 1
    assert bodies.free == 1


def test_place_is_given_back_after_an_error():
    bodies = LargeBodies(at_a_time=1)
    with pytest.raises(ValueError, match="broken"), bodies.place() as place:
        place.take()
        raise ValueError("broken")
    assert bodies.free == 1
