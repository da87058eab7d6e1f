import pytest

from services.api.http.request_id import request_id_of


def test_plain_id_of_the_client_is_kept():
    assert request_id_of("abc-1.2_3") == "abc-1.2_3"


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", 'a"b', "ä", "a\n"])
def test_any_other_is_replaced_by_a_new_one(sent):
    first, second = request_id_of(sent), request_id_of(sent)

    assert sent not in (first, second)
    assert first != second
    assert len(first) == 32
