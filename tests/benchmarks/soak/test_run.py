import json

import pytest

from benchmarks.soak.run import Plan, invalid


@pytest.mark.parametrize(
    ("requests", "rounds"), [(1000, [1000]), (120_000, [50_000, 50_000, 20_000]), (100_000, [50_000, 50_000])]
)
def test_rounds_have_all_requests(requests, rounds):
    assert Plan(requests, 50_000, 5).rounds == rounds


def test_invalid_body_has_one_text():
    body = json.loads(invalid(b'{"rows":[{"x0":1.5,"x1":2.5}]}'))

    assert body == {"rows": [{"x0": "none", "x1": 2.5}]}
