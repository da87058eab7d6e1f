"""A client's trace goes through the ingress to the prediction, and to the collector that the chart names."""

import pytest

from tests.e2e.monitoring import wait_until
from tests.e2e.platform import ROOT, ROW
from tests.e2e.pods import COLLECTOR, listening_pod, printed

PORT = 4318
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def spans(platform):
    """What the collector has been sent."""
    platform.kube.apply(*listening_pod(COLLECTOR, PORT, (ROOT / "tests/otlp_collector.py").read_text(), str(PORT)))
    platform.kube.kubectl("wait", "--for=condition=Ready", f"pod/{COLLECTOR}", "--timeout=120s")
    yield lambda: printed(platform.kube, COLLECTOR)
    platform.kube.kubectl("delete", f"pod/{COLLECTOR}", f"service/{COLLECTOR}", "--wait=false")


@pytest.mark.slow
def test_trace_of_a_client_goes_through_the_ingress_to_the_prediction(platform, upgrade, ask, spans, note):
    peers = {"collector": {"to": [{"podSelector": {"matchLabels": {"app": COLLECTOR}}}]}}
    tracing = {"endpoint": f"http://{COLLECTOR}:{PORT}", "sampleRatio": 0}
    upgrade(values={"api": {"tracing": tracing, "networkPolicy": peers}})
    platform.wait_until_settled()

    answer = ask("/v1/predict", ROW, traceparent=f"00-{TRACE}-{CALLER}-01")
    ask("/v1/predict", ROW)
    inner, outer = wait_until(lambda: found if len(found := spans()) > 1 else None, 60, lambda: f"spans: {spans()}")
    note(f"spans: {outer['name']} {outer['attributes']}, within it {inner['name']} {inner['attributes']}")

    assert (outer["trace"], outer["parent"]) == (TRACE, CALLER)
    assert outer["attributes"]["espalier.request_id"] == answer["request_id"]
    assert outer["resource"]["espalier.model.version"] == answer["model"]["version"]
    assert (inner["name"], inner["parent"]) == ("predict", outer["span"])
    assert {one["trace"] for one in spans()} == {TRACE}, "the other request was not picked"
