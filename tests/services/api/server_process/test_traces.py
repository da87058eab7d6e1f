"""Traces of requests, and a collector that hangs."""

import json
import socket
from pathlib import Path

import pytest

from espalier.local.processes import Server, free_port, running
from tests.services.api.server_process.running import end, wait_until_ready

COLLECTOR = Path(__file__).parents[3] / "otlp_collector.py"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"


@pytest.fixture
def collector(tmp_path):
    """The address of a collector, and the spans it received."""
    address, log = f"http://127.0.0.1:{free_port()}", tmp_path / "spans.jsonl"
    server = Server("collector", [str(COLLECTOR), address.rpartition(":")[2]], {}, address, log)
    with running(server):
        yield address, lambda: [json.loads(line) for line in log.read_text().splitlines()]


def test_request_continues_its_trace(start, secure, contract, headers, collector):
    address, spans = collector
    process = start(API_OTLP_ENDPOINT=f"{address}/", API_TRACE_SAMPLE_RATIO="0")
    wait_until_ready(secure, process)
    asked = {**headers(), "traceparent": SAMPLED, "X-Request-ID": "from-the-client"}
    body = {"rows": [contract.example] * 3}
    assert secure.post("/v1/predict", json=body, headers=asked).status_code == 200
    assert secure.post("/v1/predict", json=body, headers=asked | {"traceparent": NOT_SAMPLED}).status_code == 200
    printed = end(process)  # sends the remaining spans

    inner, outer = spans()
    assert (outer["name"], outer["trace"], outer["parent"]) == ("POST /v1/predict", TRACE, CALLER)
    assert (
        outer["attributes"].items()
        >= {
            "http.request.method": "POST",
            "http.route": "/v1/predict",
            "http.response.status_code": 200,
            "espalier.request_id": "from-the-client",
        }.items()
    )
    assert outer["resource"]["service.name"] == "espalier-api"
    assert outer["resource"]["espalier.model.version"] == "1"
    assert (inner["name"], inner["trace"], inner["parent"]) == ("predict", TRACE, outer["span"])
    assert inner["attributes"] == {"espalier.rows": 3}
    assert asked["Authorization"].split()[1] not in json.dumps([inner, outer])
    lines = [json.loads(line) for line in printed.splitlines() if '"from-the-client"' in line]
    assert {line["trace_id"] for line in lines} == {TRACE}


def test_probes_are_not_traced_and_other_requests_are(start, secure, collector):
    address, spans = collector
    process = start(API_OTLP_ENDPOINT=address, API_TRACE_SAMPLE_RATIO="1")
    wait_until_ready(secure, process)
    for path in ("/healthz", "/.well-known/jwks.json"):
        secure.get(path, headers={"Connection": "close"})
    end(process)

    assert [span["name"] for span in spans()] == ["GET /.well-known/jwks.json"]


def test_hanging_collector_delays_no_response(start, secure, contract, headers):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = start(API_OTLP_ENDPOINT=address, API_TRACE_SAMPLE_RATIO="1", API_WORKERS="1")
        wait_until_ready(secure, process)
        asked = headers()
        for _ in range(20):
            answer = secure.post("/v1/predict", json={"rows": [contract.example]}, headers=asked)
            assert answer.status_code == 200
        printed = end(process)

    assert process.returncode == 0
    assert "Traceback" not in printed
