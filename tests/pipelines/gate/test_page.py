import json
import re
from html.parser import HTMLParser

import pytest

from pipelines.gate.checks import Check, Verdict, refuse
from pipelines.gate.decision import Kind
from pipelines.gate.page import HEADLINES, render_page, write_report
from pipelines.gate.slices import SliceGain

HOSTILE = '<script>alert("x")</script>&'


class Page(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data):
        self.text += data


def slice_of(value):
    return SliceGain(column="kind", value=value, rows=800, blocks=30, gain=-0.02, lower=-0.03, upper=-0.01, p=0.001)


@pytest.fixture
def hostile(evidence):
    check = Check(name=HOSTILE, found=0.1, wanted=HOSTILE, passed=False)
    found = evidence(slices=(slice_of(HOSTILE), slice_of("$x$")))
    return Verdict(champion_version="4", checks=(check,), evidence=found)


def test_every_text_is_escaped(hostile):
    page = Page(render_page(hostile, title=HOSTILE))

    assert not {"script", "iframe", "object", "link"} & set(page.tags)
    assert page.text.count(HOSTILE) >= 5


def test_page_asks_no_host_for_anything(hostile):
    html = render_page(hostile, title="trees version 2")

    assert Page(html).addresses
    assert all(address.startswith("data:image/png;base64,") for address in Page(html).addresses)
    assert "url(" not in html and "http://" not in html and "https://" not in html and "@import" not in html
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in html


def test_comparison_has_its_numbers_and_plots(evidence):
    found = evidence(kind=Kind.BETTER, lower=0.001, slices=(slice_of("pear"),))
    page = Page(render_page(Verdict(champion_version="4", evidence=found), title="trees version 2"))

    assert "trees version 2: passed" in page.text
    assert "better than the champion, beyond noise" in page.text
    assert "number 1 with this champion" in page.text
    assert "kind pear" in page.text
    assert page.tags.count("img") == 4


def test_rejection_says_why(evidence):
    page = Page(render_page(refuse("it needs column(s) age", champion_version="4"), title="trees version 2"))

    assert "trees version 2: rejected" in page.text
    assert "it needs column(s) age" in page.text
    assert "img" not in page.tags


def test_every_kind_has_a_headline():
    assert set(HEADLINES) == {"first", "not_compared", *(kind.value for kind in Kind)}


def test_page_is_the_same_for_the_same_verdict(hostile):
    assert render_page(hostile, title="t") == render_page(hostile, title="t")


def test_json_has_every_number(hostile, tmp_path):
    write_report(tmp_path / "gate", hostile, title="trees version 2")

    written = json.loads((tmp_path / "gate/gate.json").read_text())
    assert written["evidence"]["gain"] == 0.0012
    assert written["evidence"]["slices"][0]["p"] == 0.001
    assert re.match("<!doctype html>", (tmp_path / "gate/gate.html").read_text())
