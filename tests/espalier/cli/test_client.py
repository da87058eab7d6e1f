"""What a command finds by itself: the API of make up, make demo and make serve, with authority, user and password."""

import sys

import pytest

from espalier.cli.client import authorities, find_access
from espalier.cli.output import CommandFailed

LOCAL = "https://localhost:8443"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("ESPALIER_PASSWORD", raising=False)


@pytest.fixture
def find(tmp_path):
    def call(url="", user="", password_file=None, token=None, cacert=None):
        return find_access(url, user, password_file, token, cacert, tmp_path)

    return call


@pytest.fixture
def demo(tmp_path):
    (tmp_path / "demo.password").write_text("of the demo\n")
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls/ca.pem").write_text("authority of the demo")


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "cluster").mkdir()
    for name, text in {"password": "of the cluster", "url": "https://localhost:9443\n", "ca.pem": "authority"}.items():
        (tmp_path / "cluster" / name).write_text(text)


def test_running_demo_is_found(find, demo, tmp_path):
    found = find()

    assert (found.url, found.user, found.password) == (LOCAL, "demo", "of the demo")
    assert found.authorities == [tmp_path / "tls/ca.pem"]
    assert find(url="https://localhost:7443/").password == "of the demo"


def test_cluster_is_found_before_the_demo(find, demo, cluster):
    assert (find().url, find().user, find().password) == ("https://localhost:9443", "demo", "of the cluster")
    assert (find(url=LOCAL).url, find(url=LOCAL).password) == (LOCAL, "of the demo")


def test_password_of_a_cluster_behind_another_port_is_found(find, cluster):
    assert find(url="https://localhost:1234").password == "of the cluster"


@pytest.mark.parametrize(
    "url", ["https://predict.example.org", "https://localhost.example.org", "http://localhost:8443"]
)
def test_password_of_make_is_not_sent_elsewhere(find, demo, cluster, url):
    with pytest.raises(CommandFailed, match="log in with --user NAME"):
        find(url=url)
    with pytest.raises(CommandFailed, match="no password of demo"):
        find(url=url, user="demo")


def test_other_user_has_another_password(find, demo, cluster, monkeypatch, tmp_path):
    with pytest.raises(CommandFailed, match="no password of ana"):
        find(user="ana")
    monkeypatch.setenv("ESPALIER_PASSWORD", "of the environment")
    assert (find(user="ana").url, find(user="ana").password) == (LOCAL, "of the environment")
    (tmp_path / "secret").write_text("of the file\n")
    assert find(user="ana", password_file=tmp_path / "secret").password == "of the file"


def test_token_needs_no_user(find, demo):
    found = find(token="t")

    assert (found.url, found.token, found.user, found.password) == (LOCAL, "t", None, None)
    assert find(token="t", user="demo").token is None


def test_unreadable_password_file_is_reported(find, tmp_path):
    with pytest.raises(CommandFailed, match="cannot read the password of ana"):
        find(user="ana", password_file=tmp_path / "absent")


def test_password_is_asked_for_on_a_terminal(find, monkeypatch):
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", lambda text, **options: asked.append((text, options)) or "typed")

    assert find(user="ana").password == "typed"
    assert asked == [("Password of ana", {"hide_input": True, "err": True})]


def test_credentials_are_not_in_the_repr(find, demo):
    assert "of the demo" not in repr(find())


def test_named_authority_is_the_only_one(cluster, demo, tmp_path):
    assert authorities(LOCAL, tmp_path / "own.pem", tmp_path) == [tmp_path / "own.pem"]
    assert authorities(LOCAL, None, tmp_path) == [tmp_path / "tls/ca.pem", tmp_path / "cluster/ca.pem"]
    assert authorities("https://predict.example.org", None, tmp_path) == []
