"""Results as JSON."""

import json

import pytest

from benchmarks.errors import BenchmarkFailed
from benchmarks.plan import SCENARIOS
from benchmarks.results import read_report, to_json, write_report


def test_what_is_written_is_read_again(report, tmp_path):
    path = tmp_path / "new" / "results.json"
    write_report(path, report)
    again = read_report(path)

    assert again.results == report.results
    assert to_json(again) == to_json(report)
    assert again.plan["scenarios"][1]["rows"] == SCENARIOS["100"].rows


@pytest.mark.parametrize("change", [{"format": 2}, {"results": {}}, {"more": 1}])
def test_other_files_are_refused(report, tmp_path, change):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(json.loads(to_json(report)) | change))

    with pytest.raises(BenchmarkFailed, match="has no results"):
        read_report(path)
