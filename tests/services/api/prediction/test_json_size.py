import json

import pytest

from services.api.prediction.json_size import find_end


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("{}", 1),
        ('{"a": 1}', 2),
        ('{"a": "b"}', 3),
        ('[1, 2, "c"]', 4),
        (json.dumps({"a": '",[{\\"'}), 3),
        (json.dumps(["\\"]), 2),
        ('["\\u0022,,,"]', 2),
        ('["never ended, [[[', 2),
        ("[,,,", 4),
    ],
)
def test_tokens_are_counted_outside_of_texts(text, tokens):
    assert find_end(text.encode(), tokens) is None
    if tokens:
        assert find_end(text.encode(), tokens - 1) is not None


def test_end_is_after_the_last_allowed_token():
    text = b'{"a": "x,y", "b": [1, 2]}'

    assert text[: find_end(text, 3)] == b'{"a": "x,y"'
    assert text[: find_end(text, 5)] == b'{"a": "x,y", "b"'
