"""The figures in the README are those of the committed results."""

import re
from pathlib import Path

from benchmarks.results import read_report
from benchmarks.summary import peaks

ROOT = Path(__file__).parents[2]
STATED = re.compile(
    r"answers ([\d.]+) times as many requests of one row as KServe's server, and ([\d.]+) times as many of 100 rows"
)


def test_stated_speed_is_the_measured_one():
    found = peaks(read_report(ROOT / "benchmarks/results.json").results)
    ratios = [found["espalier", rows].per_second / found["kserve", rows].per_second for rows in ("1", "100")]
    stated = STATED.search((ROOT / "README.md").read_text())

    assert stated, "the README names no figures, or in other words"
    assert [float(text) for text in stated.groups()] == [int(10 * ratio) / 10 for ratio in ratios]
