"""A hostile MLflow: no name it sends becomes a path, and nothing outside the cache changes."""

import json
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry

from bundle import ALL_FILES
from services.api.errors import BundleRefused, StartupFailed
from services.api.startup import dependency_monitor

HOSTILE = [
    "../../victim",
    "/victim",
    "..",
    ".",
    "",
    "1/../../../victim",
    "9" * 11,
    "9" * 4000,
    "0",
    "-1",
    "1\n",
    None,
    10**12,
]


@pytest.fixture
def pages(make_bundle, tmp_path):
    """Responses of MLflow by the last part of the path; valid at first."""
    bundle = make_bundle(tmp_path / "stored", version="3")
    files = {name: (200, (bundle / name).read_bytes()) for name in ALL_FILES}
    return {
        "get": (200, {"registered_model": {"aliases": [{"alias": "champion", "version": "3"}]}}),
        "search": (200, {"model_versions": []}),
        "get-download-uri": (200, {"artifact_uri": "mlflow-artifacts:/1/run/artifacts/bundle"}),
        "artifacts": (200, {"files": [{"path": name, "file_size": 1} for name in ALL_FILES]}),
        **files,
    }


@pytest.fixture
def asked():
    return []


@pytest.fixture
def settings(pages, asked, answering, make_settings, tmp_path):
    def answer(path):
        asked.append(urlsplit(path).path)
        return pages[asked[-1].rpartition("/")[2]]

    return make_settings(mlflow_tracking_uri=answering(answer), model_cache_dir=tmp_path / "a/b/cache")


@pytest.fixture
def victim(tmp_path):
    """Folders with files in every place that a path could lead to."""
    victims = [tmp_path / "a/b/victim", tmp_path / "a/victim", tmp_path / "victim"]
    for folder in victims:
        folder.mkdir(parents=True)
        (folder / "precious").write_text("kept")
    return lambda: all([path.name for path in folder.iterdir()] == ["precious"] for folder in victims)


def test_valid_registry_is_served(settings, fetch_with):
    assert fetch_with(settings).version == "3"


@pytest.mark.parametrize("version", HOSTILE, ids=lambda version: str(version)[:20])
def test_alias_version_with_a_path_is_refused(settings, pages, victim, version, fetch_with):
    pages["get"] = (200, {"registered_model": {"aliases": [{"alias": "champion", "version": version}]}})

    with pytest.raises(BundleRefused, match=r"refused \(unsafe_name\): .* is not a version number"):
        fetch_with(settings)

    assert victim()
    assert list((settings.model_cache_dir / "orchard").iterdir()) == []


@pytest.mark.parametrize("path", ["../model.ubj", "/model.ubj", "x/model.ubj", "..", "", "a\\b", None, 7])
def test_file_name_with_a_path_is_refused(settings, pages, victim, path, fetch_with):
    pages["artifacts"][1]["files"].append({"path": path, "file_size": 1})

    with pytest.raises(BundleRefused, match="not inside its folder"):
        fetch_with(settings)

    assert victim()


@pytest.mark.parametrize("path", ["run.py", "x" * 5000])
def test_other_file_is_refused(settings, pages, path, fetch_with):
    pages["artifacts"][1]["files"].append({"path": path, "file_size": 1})

    with pytest.raises(BundleRefused, match=r"refused \(unexpected_file\)"):
        fetch_with(settings)


@pytest.mark.parametrize(
    "uri",
    ["mlflow-artifacts:/../../victim", "mlflow-artifacts:/", "mlflow-artifacts:/1/../../x", "mlflow-artifacts:/1\x00"],
)
def test_source_is_relative_and_inside(settings, pages, asked, uri, fetch_with):
    pages["get-download-uri"] = (200, {"artifact_uri": uri})

    with pytest.raises(BundleRefused, match=r"refused \(unsafe_name\): .* is not a folder of artifacts"):
        fetch_with(settings)

    assert asked[-1].endswith("get-download-uri")


@pytest.mark.parametrize("uri", ["/etc/passwd", "file:///etc/passwd", "s3://bucket/1", "", "x" * 5000])
def test_source_outside_mlflow_is_not_downloaded(settings, pages, asked, uri, fetch_with):
    pages["get-download-uri"] = (200, {"artifact_uri": uri})

    with pytest.raises(StartupFailed, match="does not serve"):
        fetch_with(settings)

    assert asked[-1].endswith("get-download-uri")


@pytest.mark.parametrize(
    ("page", "answer"),
    [
        ("get", {}),
        ("get", {"registered_model": []}),
        ("get", {"registered_model": {"aliases": [1]}}),
        ("get", {"registered_model": {"aliases": 7}}),
        ("get-download-uri", {"artifact_uri": 7}),
        ("get-download-uri", {}),
        ("artifacts", {"files": [{"path": "model.ubj", "file_size": "many"}]}),
        ("artifacts", {"files": [{}]}),
    ],
)
def test_nonsense_is_refused_with_one_sentence(settings, pages, page, answer, fetch_with):
    pages[page] = (200, answer)

    with pytest.raises(StartupFailed, match="is not MLflow's"):
        fetch_with(settings)


def test_list_instead_of_an_object_is_refused(settings, pages, fetch_with):
    pages["get"] = (200, json.dumps([1, 2]).encode())

    with pytest.raises(StartupFailed, match="did not answer"):
        fetch_with(settings)


@pytest.mark.parametrize("number", ["9" * 400, "../../x", 10**400, -1])
@pytest.mark.parametrize("place", ["alias", "version", "creation_timestamp"])
def test_invalid_number_from_the_registry_is_down(settings, served, pages, number, place):
    aliases = [{"alias": "champion", "version": number if place == "alias" else "3"}]
    listed = {"version": "3", "creation_timestamp": 1000} | ({place: number} if place != "alias" else {})
    pages["get"] = (200, {"registered_model": {"aliases": aliases}})
    pages["search"] = (200, {"model_versions": [listed]})
    monitor, registry = dependency_monitor(settings, served.version), CollectorRegistry()
    registry.register(monitor)

    monitor._ask_registry()

    assert registry.get_sample_value("espalier_dependency_up", {"dependency": "mlflow"}) == 0
