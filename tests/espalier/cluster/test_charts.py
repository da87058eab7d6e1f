import pytest

from espalier.cluster.charts import ensure_dependencies, mirrored

CHART = """
name: mine
dependencies:
  - {name: inside, version: 0.1.0}
  - {name: theirs, version: 1.2.3, repository: "https://charts.example.com"}
"""


@pytest.fixture
def chart(tmp_path, monkeypatch):
    monkeypatch.delenv("CHART_MIRROR", raising=False)
    (tmp_path / "chart/charts").mkdir(parents=True)
    (tmp_path / "chart/Chart.yaml").write_text(CHART)
    return tmp_path / "chart"


def test_unpacked_dependencies_are_not_fetched(tools, chart):
    assert ensure_dependencies(chart) == ["theirs"]
    assert tools.lines() == [
        f"helm pull theirs --repo https://charts.example.com --version 1.2.3 --destination {chart}/charts"
    ]


def test_fetched_dependencies_are_kept(tools, chart):
    (chart / "charts/theirs-1.2.3.tgz").touch()

    assert ensure_dependencies(chart) == []
    assert tools.lines() == []


def test_chart_in_the_mirror_is_packaged(tools, chart, tmp_path, monkeypatch):
    (tmp_path / "mirror/theirs").mkdir(parents=True)
    monkeypatch.setenv("CHART_MIRROR", str(tmp_path / "mirror"))

    assert mirrored("inside") is None
    assert ensure_dependencies(chart) == ["theirs"]
    assert tools.lines() == [f"helm package {tmp_path}/mirror/theirs --version 1.2.3 --destination {chart}/charts"]
