"""A client's trace context passes the ingress, and the API exports its spans to the collector of the chart's values."""

import pytest

from tests.e2e.monitoring import wait_until
from tests.e2e.platform import ROOT, ROW
from tests.e2e.pods import COLLECTOR, listening_pod, printed

PORT = 4318
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def spans(platform):
    """Return a function that returns the spans that the collector has received."""
    platform.kube.apply(*listening_pod(COLLECTOR, PORT, (ROOT / "tests/otlp_collector.py").read_text(), str(PORT)))
    platform.kube.kubectl("wait", "--for=condition=Ready", f"pod/{COLLECTOR}", "--timeout=120s")
    yield lambda: printed(platform.kube, COLLECTOR)
    platform.kube.kubectl("delete", f"pod/{COLLECTOR}", f"service/{COLLECTOR}", "--wait=false")


@pytest.mark.slow
def test_spans_of_a_client_trace_are_exported(platform, upgrade, post, spans, note):
    peers = {"collector": {"to": [{"podSelector": {"matchLabels": {"app": COLLECTOR}}}]}}
    tracing = {"endpoint": f"http://{COLLECTOR}:{PORT}", "sampleRatio": 0}
    upgrade(values={"api": {"tracing": tracing, "networkPolicy": peers}})
    platform.wait_until_settled()

    answer = post("/v1/predict", ROW, traceparent=f"00-{TRACE}-{CALLER}-01")
    post("/v1/predict", ROW)
    inner, outer = wait_until(lambda: sent if len(sent := spans()) > 1 else None, 60, lambda: f"spans: {spans()}")
    note(f"spans: {outer['name']} {outer['attributes']}, within it {inner['name']} {inner['attributes']}")

    assert (outer["trace"], outer["parent"]) == (TRACE, CALLER)
    assert outer["attributes"]["espalier.request_id"] == answer["request_id"]
    assert outer["resource"]["espalier.model.version"] == answer["model"]["version"]
    assert (inner["name"], inner["parent"]) == ("predict", outer["span"])
    assert {span["trace"] for span in spans()} == {TRACE}, "a request that was not sampled is exported"
