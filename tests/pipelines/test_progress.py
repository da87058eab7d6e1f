import pytest
from rich.console import Console

from pipelines import progress


def test_log_has_a_few_lines(capsys):
    with progress.progress_bar("boosting", 10) as advance:
        for number in range(10):
            advance(f"round {number}")

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[-1] == "boosting 10/10 round 9"


@pytest.mark.parametrize("total", [1, 3])
def test_terminal_has_a_progress_bar(monkeypatch, capsys, total):
    monkeypatch.setattr(progress, "console", Console(force_terminal=True, width=120))

    with progress.progress_bar("measuring", total) as advance:
        for _ in range(total):
            advance("a note")

    assert "measuring" in capsys.readouterr().out
