import pytest

from benchmarks import overload_page
from benchmarks.beside import Watched
from benchmarks.overload_page import MARKERS, Curve, Step, goodput_share, line, write_page
from benchmarks.page import PAGE, insert


def step(multiple, goodput, errors=0, slow=0):
    return Step(
        multiple, slow, 1000.0, multiple * 1000, goodput, errors, 1.25, None, 0.5, {"probe": Watched(4, 1, 17.4)}
    )


CURVE = Curve(
    "100", 1000.0, (step(0.5, 500), step(1, 990), step(5, 900, 4100), step(0.5, 250), step(0.5, 499, slow=800))
)


@pytest.mark.parametrize(
    ("multiple", "goodput", "share"), [(0.5, 500, 1), (0.5, 250, 0.5), (1, 990, 0.99), (5, 900, 0.9)]
)
def test_goodput_is_compared_with_what_can_be_answered(multiple, goodput, share):
    assert goodput_share(step(multiple, goodput)) == pytest.approx(share)


def test_line_has_the_figures():
    text = line(CURVE.steps[2])

    assert "5 times: sent 5,000/s, goodput 900/s (90%), refused 4,100, p50 1.2 ms, p99 -" in text
    assert "probe 1 of 4, 17 ms" in text


def test_page_and_plot_are_written(tmp_path, monkeypatch):
    page, picture = tmp_path / "benchmarks.md", tmp_path / "pictures" / "overload.png"
    page.write_text(f"before {MARKERS.begin} old {MARKERS.end} after")
    monkeypatch.setattr(overload_page, "PAGE", page)
    monkeypatch.setattr(overload_page, "PICTURE", picture)

    write_page([CURVE], commit="abcdef0", machine={"processor": "a processor", "cores": "2"})

    text = page.read_text()
    assert text.startswith("before ") and text.endswith(" after")
    assert "abcdef0: a processor, 2 cores" in text
    assert text.count("times the peak") == 5
    assert "0.5 times the peak, 800 slow clients" in text
    assert "900 (90%)" in text
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_committed_page_has_the_markers():
    assert insert(PAGE.read_text(), "new", MARKERS)
