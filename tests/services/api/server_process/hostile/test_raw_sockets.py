"""Hostile bytes to a running API: every one is answered or closed in time, with no 5xx, and no request is smuggled.

The cases of one route are sent at the same time, each on a connection of its own.
"""

import httpx
import pytest

from tests.services.api.server_process.hostile.cases import OPTIONAL, cases_of
from tests.services.api.server_process.hostile.talk import talk_all
from tests.services.api.server_process.hostile.targets import TARGETS

BOUND_SECONDS = 15
"""For an answer, or the end of the connection. The server's limits are 1 s for a head and 2 s for a body."""


@pytest.fixture(scope="module")
def settings_of_api():
    return {"API_HEAD_TIMEOUT_SECONDS": "1", "API_BODY_TIMEOUT_SECONDS": "2"}


def problems_of(case, reply):
    """Yield what is wrong with a reply, in words."""
    if not reply.is_ended:
        yield "neither answered nor closed"
    if not set(reply.statuses) <= case.allowed:
        yield f"answered {reply.statuses[:9]}, not one of {sorted(case.allowed)}"
    if len(reply.statuses) > case.answers:
        yield f"{len(reply.statuses)} answers to {case.answers} request(s)"
    if not reply.statuses and case.allowed and case.name not in OPTIONAL:
        yield "closed without an answer"
    if b"alive" in reply.text:
        yield "the smuggled request was answered"


@pytest.mark.parametrize("has_token", [True, False], ids=["token", "no token"])
@pytest.mark.parametrize("name", TARGETS)
def test_hostile_bytes_are_refused_and_the_next_client_is_served(api, name, has_token):
    target = TARGETS[name]
    cases = list(cases_of(target, b"Authorization: Bearer %s\r\n" % api.token.encode() if has_token else b""))

    replies = talk_all(api.port, cases, seconds=BOUND_SECONDS)

    found = {case.name: [*problems_of(case, reply)] for case, reply in replies.items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    with httpx.Client(base_url=api.url, timeout=10) as client:
        assert client.get("/healthz").status_code == 200
        headers = {"Authorization": f"Bearer {api.token}", "Content-Type": target.content_type.decode()}
        assert client.post(target.path.decode(), content=target.body, headers=headers).status_code == 200


def test_other_routes_answer_methods_that_they_do_not_have(api):
    """Every method on every route: no 5xx, and no answer that another request would get."""
    with httpx.Client(base_url=api.url, timeout=10) as client:
        document = client.get("/openapi.json").json()
        for path, by in document["paths"].items():
            for method in ("HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "PATCH", "GET", "POST"):
                if method.lower() in by:
                    continue
                response = client.request(method, path.replace("{name}", "ana"))
                assert response.status_code == 405, (method, path)
                assert set(by) <= {one.lower() for one in response.headers["allow"].split(", ")}


def test_worker_survived_and_logged_no_error(api):
    log = (api.folder / "log").read_text()

    assert api.process.poll() is None
    assert log.count("Booting worker") == 1
    assert "Traceback" not in log and '"level":"ERROR"' not in log
