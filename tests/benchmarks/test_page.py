"""The results between the markers of the page."""

import pytest

from benchmarks import page
from benchmarks.errors import BenchmarkFailed
from benchmarks.page import RESULTS, insert, section, write_page

BEGIN, END = RESULTS


def test_only_what_is_between_the_markers_changes():
    old = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    new = insert(old, "new\n")

    assert new == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert insert(new, "new") == new


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}", f"{BEGIN}{END}{END}"])
def test_page_without_its_markers_is_refused(text):
    with pytest.raises(BenchmarkFailed, match="needs the line"):
        insert(text, "new")


def test_section_has_every_table_and_the_conditions(report):
    text = section(report)

    assert "Measured on 2026-11-27 at commit abcdef0: a processor, 2 cores, 24 GiB, Linux 6.1, x86_64." in text
    assert "Load by wrk 4.1.0, vegeta 12.13.0." in text
    assert text.count("| server |") == 4
    assert "- KServe ModelServer: not measured; the server exited with 1" in text


def test_committed_page_has_the_markers():
    assert insert(page.PAGE.read_text(), "new")


def test_page_and_plot_are_written(report, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(page, "PICTURE", tmp_path / "pictures" / "benchmarks.png")
    page.PAGE.write_text(f"{BEGIN}{END}")

    text, picture = write_page(report)

    assert "bare Starlette" in text.read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")
