"""Every dashboard drawn from a made-up server over HTTP: what cannot be asked or cannot be drawn fails here."""

import json
import subprocess
import sys

import httpx
import pytest
import typer
from matplotlib.image import imread

from dashboards.tools.canonical import FOLDER
from dashboards.tools.prometheus import Prometheus, resolve
from dashboards.tools.queries import Window, load, panel_queries, panels
from dashboards.tools.render import draw, window_of

WINDOW = Window(1_000_000, 1_007_200)
ALL = load()


def texts(figure):
    return [one.get_text() for one in figure.texts]


@pytest.mark.parametrize("uid", ALL)
def test_every_panel_is_drawn_with_what_it_asked_for(uid, fake_prometheus, asked):
    with httpx.Client(base_url=fake_prometheus) as client:
        prometheus = Prometheus(client)
        values = resolve(ALL[uid], prometheus, WINDOW, {"namespace": "here"})
        figure = draw(ALL[uid], prometheus, WINDOW, values)

    asked_queries = [parameters for path, parameters in asked if not path.endswith("/values")]
    count = sum(len(panel_queries(panel)) for panel in panels(ALL[uid]))
    assert len(asked_queries) == count + 1  # and the annotation's
    assert all('namespace="here"' in one["query"] for one in asked_queries)
    assert ALL[uid]["title"] in texts(figure)
    assert any("Not Grafana" in text for text in texts(figure))
    assert "No data" not in texts(figure)


def test_a_panel_without_data_says_so(fake_prometheus, monkeypatch):
    monkeypatch.setattr(Prometheus, "query", lambda *_: [])
    monkeypatch.setattr(Prometheus, "query_range", lambda *_: [])
    uid = "espalier-overview"
    with httpx.Client(base_url=fake_prometheus) as client:
        prometheus = Prometheus(client)
        figure = draw(ALL[uid], prometheus, WINDOW, resolve(ALL[uid], prometheus, WINDOW, {}))

    assert texts(figure).count("No data") == len(panels(ALL[uid]))


def test_the_command_writes_a_picture(fake_prometheus, tmp_path):
    path, out = FOLDER / "espalier-model.json", tmp_path / "model.png"
    command = [
        sys.executable,
        "-m",
        "dashboards.tools.render",
        path,
        "--url",
        fake_prometheus,
        "--out",
        out,
        "--ago",
        "2h",
    ]
    done = subprocess.run(
        [*command, "--var", "namespace=here"], cwd=FOLDER.parent, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    high, wide, _ = imread(out).shape
    lines = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in json.loads(path.read_text())["panels"])
    assert wide > 1800
    assert high > lines * 38


@pytest.mark.parametrize(("text", "seconds"), [("6h", 21600), ("now-7d", 604800), ("90m", 5400)])
def test_times_are_as_grafana_writes_them(text, seconds):
    assert window_of(text, 1_000_000) == Window(1_000_000 - seconds, 1_000_000)


def test_other_times_are_refused():
    with pytest.raises(typer.BadParameter, match="not a time"):
        window_of("yesterday", 0)
