"""Every dashboard, drawn from a made-up Prometheus over HTTP."""

import subprocess
import sys

import httpx
import pytest
from matplotlib.image import imread

from dashboards.tools.canonical import FOLDER
from dashboards.tools.prometheus import Prometheus, resolve
from dashboards.tools.queries import Window, load, panel_queries, panels
from dashboards.tools.render import draw

WINDOW = Window(1_000_000, 1_007_200)
ALL = load()


@pytest.fixture
def prometheus(fake_prometheus):
    with httpx.Client(base_url=fake_prometheus) as client:
        yield Prometheus(client)


def empty_panels(figure):
    return [
        axes.get_title() for axes in figure.axes if any(text.get_text().startswith("No data") for text in axes.texts)
    ]


@pytest.mark.parametrize("uid", ALL)
def test_every_panel_is_drawn_with_what_it_asked_for(uid, prometheus, asked):
    values = resolve(ALL[uid], prometheus, WINDOW, {"namespace": "here"})
    figure = draw(ALL[uid], prometheus, WINDOW, values)

    queries = [parameters["query"] for path, parameters in asked if not path.endswith("/values")]
    assert len(queries) == sum(len(panel_queries(panel)) for panel in panels(ALL[uid]))
    assert all('namespace="here"' in query for query in queries)
    assert len(figure.axes) == len(panels(ALL[uid]))
    assert empty_panels(figure) == []


def test_panel_without_data_is_marked(prometheus, monkeypatch):
    monkeypatch.setattr(Prometheus, "query", lambda *_: [])
    monkeypatch.setattr(Prometheus, "query_range", lambda *_: [])
    dashboard = ALL["espalier-overview"]
    figure = draw(dashboard, prometheus, WINDOW, resolve(dashboard, prometheus, WINDOW, {}))

    assert len(empty_panels(figure)) == len(panels(dashboard))


def test_panel_without_data_says_for_which_target_it_is(prometheus, monkeypatch):
    monkeypatch.setattr(Prometheus, "query", lambda *_: [])
    monkeypatch.setattr(Prometheus, "query_range", lambda *_: [])
    dashboard = ALL["espalier-model"]
    figure = draw(dashboard, prometheus, WINDOW, resolve(dashboard, prometheus, WINDOW, {}))

    (coverage,) = [axes for axes in figure.axes if axes.get_title() == "Coverage of the interval"]
    assert [text.get_text() for text in coverage.texts] == ["No data: no feedback, or the model predicts no interval"]


def test_command_writes_a_picture(fake_prometheus, tmp_path):
    out = tmp_path / "model.png"
    command = [
        sys.executable,
        "-m",
        "dashboards.tools.render",
        FOLDER / "espalier-model.json",
        "--url",
        fake_prometheus,
    ]
    options = ["--out", out, "--ago", "2h", "--var", "namespace=here"]
    done = subprocess.run([*command, *options], cwd=FOLDER.parent, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert imread(out).shape[1] == 1260
