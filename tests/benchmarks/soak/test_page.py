from benchmarks.page import PAGE, insert
from benchmarks.soak import page
from benchmarks.soak.page import MARKERS, section, write_page


def test_section_has_the_figures(make_report):
    text = section(make_report())

    assert "1,000 in 4 s (250 per second)" in text
    assert "900 with 200, 100 with 422; 0 without" in text
    assert "30 of 30" in text
    assert "exact and flat" in text


def test_section_says_what_is_wrong(make_report):
    assert "a_total counted 9, but 10 were answered" in section(make_report(differences={"a_total": (9, 10)}))


def test_committed_page_has_the_markers():
    assert insert(PAGE.read_text(), "new", MARKERS)


def test_page_and_plot_are_written(make_report, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(page, "PICTURE", tmp_path / "pictures" / "soak.png")
    page.PAGE.write_text(f"{MARKERS.begin}{MARKERS.end}")

    text, picture = write_page(make_report())

    assert "exact and flat" in text.read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")
