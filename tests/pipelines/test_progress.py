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


def pieces_of(*lengths):
    yield from ([0] * length for length in lengths)


def test_pieces_are_shown_by_rows(monkeypatch, capsys):
    monkeypatch.setattr(progress, "MANY_ROWS", 10)

    assert [len(piece) for piece in progress.shown(pieces_of(4, 4, 2), "reading", 10)] == [4, 4, 2]

    assert capsys.readouterr().err.splitlines() == ["reading 4/10", "reading 8/10", "reading 10/10"]


def test_few_rows_are_not_worth_a_line(capsys):
    assert len(list(progress.shown(pieces_of(4, 4), "reading", 8))) == 2

    assert capsys.readouterr().err == ""


def test_pieces_are_shown_below_another_bar(monkeypatch, capsys):
    monkeypatch.setattr(progress, "console", Console(force_terminal=True, width=120))
    monkeypatch.setattr(progress, "MANY_ROWS", 10)

    with progress.progress_bar("measuring", 1) as advance:
        assert len(list(progress.shown(pieces_of(6, 6), "reading", 12))) == 2
        advance()

    assert "reading" in capsys.readouterr().out
