"""A start without a model: the process waits, and then serves with the same process id."""

import signal
import time

import httpx
import pytest


@pytest.fixture
def publish(mlflow, make_bundle, tmp_path):
    """Make a signed bundle the champion of a name, as its version 1."""
    import mlflow as package

    client = package.MlflowClient(tracking_uri=mlflow.uri)

    def run(name, **of_bundle):
        folder = make_bundle(tmp_path / name, **({"name": name, "version": "1"} | of_bundle))
        run_id = client.create_run(client.create_experiment(name)).info.run_id
        client.log_artifacts(run_id, str(folder), "bundle")
        client.create_registered_model(name)
        source = f"{client.get_run(run_id).info.artifact_uri}/bundle"
        client.create_model_version(name, source, run_id, tags={"gate": "passed"})
        client.set_registered_model_alias(name, "champion", "1")

    return run


def ask(client, path, status, *, seconds=60, **request):
    """Repeat a request until the response has this status."""
    answer = None
    for _ in range(seconds * 5):
        try:
            answer = client.request(request.get("method", "GET"), path)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code == status:
            return answer
        time.sleep(0.2)
    pytest.fail(f"{path} answered {answer and answer.status_code}, never {status}")


def scrape(environment, until):
    """Read the metrics once a series exists."""
    for _ in range(100):
        text = httpx.get(f"http://127.0.0.1:{environment['API_METRICS_PORT']}/metrics").text
        if until in text:
            return text
        time.sleep(0.2)
    pytest.fail(f"{until} never came")


def test_first_model_is_served_by_the_process_that_waited_for_it(start, secure, environment, publish):
    name = "first-served"
    process = start(API_MODEL_NAME=name)
    waiting = ask(secure, "/readyz", 503)
    for dependency in ("artifacts", "database", "mlflow"):
        metrics = scrape(environment, f'espalier_dependency_up{{dependency="{dependency}"}} 1.0')

    assert waiting.json()["reason"] == "no model has passed the gate yet"
    assert secure.get("/healthz").status_code == 200
    assert secure.post("/v1/predict", json={"rows": []}).headers["retry-after"] == "5"
    assert "espalier_waiting_for_model 1.0" in metrics
    assert "espalier_model_info" not in metrics
    assert 'espalier_registry_alias_version{alias="champion"} 0.0' in metrics
    publish(name)

    ask(secure, "/readyz", 200)
    metrics = httpx.get(f"http://127.0.0.1:{environment['API_METRICS_PORT']}/metrics").text
    assert process.poll() is None
    assert "espalier_waiting_for_model" not in metrics
    assert f'espalier_model_info{{name="{name}",run_id="0123456789abcdef",version="1"}} 1.0' in metrics
    assert secure.post("/v1/predict", json={"rows": []}).status_code == 401


def test_waiting_process_exits_with_3_on_a_refused_bundle(start, secure, publish, other_keys):
    process = start(API_MODEL_NAME="first-refused")
    ask(secure, "/readyz", 503)

    publish("first-refused", sign_with=other_keys.private)

    assert process.wait(60) == 3
    assert "is refused (untrusted_signature)" in process.stdout.read()


def test_sigterm_stops_a_waiting_process(start, secure):
    process = start(API_MODEL_NAME="first-ended")
    ask(secure, "/readyz", 503)

    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 0


def test_unavailable_registry_is_waited_for_if_configured(start, secure):
    process = start(API_MLFLOW_TRACKING_URI="http://127.0.0.1:1", API_WAIT_FOR_REGISTRY="true")

    assert ask(secure, "/readyz", 503).json()["reason"] == "the model registry does not answer"
    assert process.poll() is None
