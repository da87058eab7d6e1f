"""An idle connection is as good as a new one: neither side closes it while the other writes."""

import http.client
import json
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.e2e.platform import ROW

PAUSES = (*range(1, 10, 2), *range(10, 55, 5), *range(55, 101))
"""Seconds, denser towards the idle timeouts of nginx (60), Traefik (90) and the API (95)."""


@pytest.mark.slow
def test_request_after_a_pause_succeeds(platform, note):
    headers = {"Authorization": f"Bearer {platform.token()}", "Content-Type": "application/json"}
    context = ssl.create_default_context(cafile=str(platform.ca))
    address = urlsplit(platform.url).netloc

    def ask_twice(pause):
        """Send two requests on one connection; return the second status, or the error."""
        connection = http.client.HTTPSConnection(address, context=context, timeout=30)
        try:
            for wait in (0, pause):
                time.sleep(wait)
                connection.request("POST", "/v1/predict", json.dumps(ROW), headers)
                answer = connection.getresponse()
                answer.read()
            return answer.status
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(PAUSES)) as clients:
        answers = dict(zip(PAUSES, clients.map(ask_twice, PAUSES), strict=True))
    note(f"{len(PAUSES)} connections idle for {PAUSES[0]} to {PAUSES[-1]} s: {list(answers.values()).count(200)} good")

    assert answers == dict.fromkeys(PAUSES, 200)
