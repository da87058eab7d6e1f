"""The documentation in a browser without internet: the API serves every file of the page, and no others."""

import re

import pytest


@pytest.fixture
def page(client):
    return client.get("/docs")


def named(page):
    return re.findall(r'(?:src|href)="([^"]*)"', page.text)


def test_every_file_of_the_page_is_served(client, page):
    kinds = {}
    for name in named(page):
        answer = client.get(f"/{name}")
        assert answer.status_code == 200, name
        kinds[name.rpartition(".")[2]] = answer.headers["content-type"].partition(";")[0]
        assert len(answer.content) > 100, name

    assert kinds == {"js": "text/javascript", "css": "text/css", "png": "image/png"}


def test_page_uses_no_other_origin(client, page):
    assert "//" not in page.text
    assert "//" not in client.get("/docs/start.js").text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy and "*" not in policy


def test_page_has_no_inline_script(page):
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page.text) == []
    assert not re.search(r"\bon\w+=", page.text)


def test_page_loads_the_served_document(client):
    (url,) = re.findall(r'url: "([^"]+)"', client.get("/docs/start.js").text)

    assert client.get(f"/{url}").json()["openapi"].startswith("3.")


def test_disabled_docs_serve_no_files(make_client, make_settings):
    client = make_client(make_settings(docs_enabled=False))

    assert {client.get(path).status_code for path in ("/docs", "/docs/start.js", "/docs/swagger-ui.css")} == {404}
