"""The quota of a pod, over the sockets of two workers; what a route does: ../http/routes/test_quota.py."""

from tests.services.api.server_process.running import wait_until_ready


def test_workers_together_predict_at_most_the_quota_of_their_pod(start, secure, contract, headers):
    process = start(API_WORKERS="2", API_QUOTA_ROWS_PER_MINUTE="2", API_QUOTA_BURST_ROWS="10")
    wait_until_ready(secure, process)
    who = headers()

    answers = [secure.post("/v1/predict", json={"rows": [contract.example]}, headers=who) for _ in range(30)]

    served = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(served) + len(refused) == 30
    assert 5 <= len(served) <= 10 + 2, "five of each worker, and perhaps one more of each after a minute"
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"rows";q=1;qu="rows";w=60;espalier-burst=5'}
    assert all(0 < int(answer.headers["retry-after"]) <= 60 for answer in refused)
