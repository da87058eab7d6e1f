"""The documentation in a browser without internet: what the page names is here, and nothing else."""

import re

import pytest


@pytest.fixture
def page(client):
    return client.get("/docs")


def named(page):
    return re.findall(r'(?:src|href)="([^"]*)"', page.text)


def test_everything_that_the_page_names_is_answered(client, page):
    kinds = {}
    for name in named(page):
        answer = client.get(f"/{name}")
        assert answer.status_code == 200, name
        kinds[name.rpartition(".")[2]] = answer.headers["content-type"].partition(";")[0]
        assert len(answer.content) > 100, name

    assert kinds == {"js": "text/javascript", "css": "text/css", "png": "image/png"}


def test_no_other_origin_is_named_or_allowed(client, page):
    assert "//" not in page.text
    assert "//" not in client.get("/docs/start.js").text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy and "*" not in policy


def test_page_has_no_script_of_its_own_which_the_policy_would_refuse(page):
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page.text) == []
    assert not re.search(r"\bon\w+=", page.text)


def test_the_start_asks_for_the_document_that_is_served(client):
    (url,) = re.findall(r'url: "([^"]+)"', client.get("/docs/start.js").text)

    assert client.get(f"/{url}").json()["openapi"].startswith("3.")


def test_without_documentation_there_is_none_of_its_files(make_client, make_settings):
    client = make_client(make_settings(docs_enabled=False))

    assert {client.get(path).status_code for path in ("/docs", "/docs/start.js", "/docs/swagger-ui.css")} == {404}
