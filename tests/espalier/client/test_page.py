"""The Python on the page about the client runs, block after block, against the real API."""

import re
from pathlib import Path

import pytest

from espalier.client import FeedbackCount
from tests.espalier.running_api import PASSWORD, USER

PAGE = Path(__file__).parents[3] / "docs/python-client.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)


@pytest.fixture
def environment(api, monkeypatch):
    monkeypatch.setenv("ESPALIER_URL", api.url)
    monkeypatch.setenv("ESPALIER_PASSWORD", PASSWORD)
    monkeypatch.delenv("ESPALIER_CACERT", raising=False)


def test_blocks_run_in_order(environment, capsys):
    names = {"__name__": "page"}

    for block in BLOCKS:
        exec(compile(block, PAGE.name, "exec"), names)  # noqa: S102 (a page of this repository)

    with names["client"]:
        printed = capsys.readouterr().out.splitlines()
    assert len(BLOCKS) == 6
    assert printed[0].split()[2] == "7"
    assert printed[2:5] == ["1000 rows", "2000 rows", "2500 rows"]
    assert names["taken"] == FeedbackCount(counted=2, already_counted=0)
    assert printed[-1].startswith("422 invalid_rows [('rows[0].height', 'must be a number")
    assert f'username="{USER}"' in BLOCKS[0]
