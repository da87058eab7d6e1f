import json
from http.server import BaseHTTPRequestHandler

import pytest

from bundle.vocabulary import VERSION_ANNOTATION
from pipelines.config.settings import Settings
from pipelines.errors import InvalidParams, PromotionLocked, RegistryFailure, RolloutFailed, Unreachable
from pipelines.promotion import kubernetes_api, kubernetes_rollout
from pipelines.promotion.kubernetes_rollout import KubernetesRollout
from tests import kubernetes_stand_in
from tests.http_server import serving
from tests.kubernetes_stand_in import DEPLOYMENT, write_kubeconfig
from tests.pipelines.locks import Held

SETTINGS = Settings(rollout="kubernetes", deployment="api", namespace="ns", lease="promotion")
DONE = {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}


def deployment(number="7", *, generation=5, observed=5, conditions=(), wanted=2, deadline=300, **pods):
    return {
        "metadata": {"generation": generation},
        "spec": {
            "replicas": wanted,
            "progressDeadlineSeconds": deadline,
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": {"app": "api"}},
            "template": {"metadata": {"annotations": {VERSION_ANNOTATION: number}}},
        },
        "status": {"observedGeneration": observed, "conditions": list(conditions), **pods},
    }


STUCK = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "status": "False"}]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(kubernetes_rollout, "PAUSE_SECONDS", 0)


class Cluster:
    """The answers of the API server in order, and the patches that it received."""

    def __init__(self, *answers, seconds=30, lock=None, wanted=2, **options):
        self.answers, self.patches, self.wanted = list(answers), [], wanted
        self.rollout = KubernetesRollout(self.read, self.patch, lock or Held(), seconds_per_pod=seconds, **options)

    def read(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def patch(self, body):
        self.patches.append(body["spec"]["template"]["metadata"]["annotations"])
        return deployment(wanted=self.wanted)


def test_rollout_succeeds_when_all_pods_are_new_and_available():
    cluster = Cluster(
        deployment(observed=4, **DONE),  # what the controller knew before the change
        deployment(updatedReplicas=1, replicas=3, availableReplicas=2),
        deployment(updatedReplicas=2, replicas=3, availableReplicas=3),
        deployment(**DONE),
    )

    assert cluster.rollout.serve("7")
    assert cluster.patches == [{VERSION_ANNOTATION: "7"}]
    assert len(cluster.answers) == 1


def test_exceeded_progress_deadline_fails_the_rollout():
    assert not Cluster(deployment(updatedReplicas=1, conditions=STUCK)).rollout.serve("7")


def test_failure_of_an_older_generation_is_ignored():
    assert Cluster(deployment(observed=4, conditions=STUCK), deployment(**DONE)).rollout.serve("7")


def test_rollout_over_its_time_limit_fails():
    slow = deployment(updatedReplicas=1, deadline=0.05)

    assert not Cluster(slow, seconds=0.01).rollout.serve("7")


def test_rollout_waits_until_new_pods_are_available():
    cluster = Cluster(
        deployment(updatedReplicas=2, replicas=2, availableReplicas=0),
        deployment(updatedReplicas=2, replicas=2, availableReplicas=1),
        deployment(**DONE),
    )

    assert cluster.rollout.serve("7")
    assert len(cluster.answers) == 1, "asked until both were available"


def test_without_pods_nothing_is_proven_and_that_is_said():
    cluster = Cluster(deployment(wanted=0), wanted=0)

    with pytest.raises(RolloutFailed, match=r"scaled to 0.*PIPELINE_ROLLOUT_WITHOUT_PODS"):
        cluster.rollout.serve("7")


def test_scaling_to_zero_during_the_rollout_fails_it():
    with pytest.raises(RolloutFailed, match="scaled to 0"):
        Cluster(deployment(updatedReplicas=1, replicas=3), deployment(wanted=0)).rollout.serve("7")


def test_setting_lets_a_version_in_without_pods():
    assert Cluster(deployment(wanted=0), wanted=0, without_pods=True).rollout.serve("7")


def test_no_annotation_is_written_without_the_lock():
    cluster = Cluster(deployment(**DONE), lock=Held(0))

    for write in (cluster.rollout.serve, cluster.rollout.go_back):
        with pytest.raises(PromotionLocked):
            write("7")
    assert cluster.patches == []


def test_lost_lock_stops_the_waiting():
    with pytest.raises(PromotionLocked):
        Cluster(deployment(updatedReplicas=1), lock=Held(3)).rollout.serve("7")


def test_rollout_by_another_run_is_reported():
    with pytest.raises(RegistryFailure, match="rolled out version 8 during the rollout of version 7"):
        Cluster(deployment("8", **DONE)).rollout.serve("7")


@pytest.mark.parametrize("champion", ["3", None])
def test_rolling_back_writes_the_champion(champion):
    cluster = Cluster(deployment())
    cluster.rollout.go_back(champion)

    assert cluster.patches == [{VERSION_ANNOTATION: champion}]


# --- over the wire ---------------------------------------------------------------------------------------------------


@pytest.fixture
def api_server(tmp_path, monkeypatch):
    """An HTTP server that replaces the Kubernetes API, named in a kubeconfig; it answers with the listed statuses."""
    seen, statuses = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(None)

        def do_PATCH(self):
            self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _answer(self, body):
            seen.append((self.command, self.path, self.headers["content-type"], body))
            answer = json.dumps(deployment(**DONE)).encode()
            self.send_response(statuses.pop(0) if statuses else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            pass

    with serving(Handler) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path, url)))
        yield seen, statuses


@pytest.fixture
def connected(api_server, monkeypatch):
    monkeypatch.setattr(kubernetes_api, "wait_exponential_jitter", lambda **_: lambda _state: 0)
    return KubernetesRollout.connect(SETTINGS, Held())


def test_only_one_annotation_is_written(api_server, connected):
    seen, _statuses = api_server

    assert connected.serve("7")
    (method, path, kind, body), (read, *_rest) = seen
    assert (method, read) == ("PATCH", "GET")
    assert path.startswith("/apis/apps/v1/namespaces/ns/deployments/api")
    assert "merge-patch" in kind
    assert body == {"spec": {"template": {"metadata": {"annotations": {VERSION_ANNOTATION: "7"}}}}}


def test_rollout_without_pods_follows_the_setting(tmp_path, monkeypatch):
    with kubernetes_stand_in.api_server(tmp_path) as (cluster, kubeconfig):
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        cluster.objects[DEPLOYMENT]["spec"]["replicas"] = 0
        cluster.objects[DEPLOYMENT]["status"] = {"observedGeneration": 1}

        assert KubernetesRollout.connect(SETTINGS.model_copy(update={"rollout_without_pods": True}), Held()).serve("7")
        with pytest.raises(RolloutFailed):
            KubernetesRollout.connect(SETTINGS, Held()).serve("8")


def test_annotation_is_removed_with_null(api_server, connected):
    connected.go_back(None)

    assert api_server[0][0][3]["spec"]["template"]["metadata"]["annotations"] == {VERSION_ANNOTATION: None}


def test_busy_api_server_is_asked_again(api_server, connected):
    seen, statuses = api_server
    statuses += [503, 429, 500]

    assert connected.serve("7")
    assert len(seen) == 5


def test_api_server_that_stays_unavailable_is_unreachable(api_server, connected):
    api_server[1].extend([503] * 20)

    with pytest.raises(Unreachable, match="within 6 attempts"):
        connected.serve("7")


@pytest.mark.parametrize("status", [403, 404])
def test_rejected_call_says_what_to_check(api_server, connected, status):
    api_server[1].append(status)

    with pytest.raises(InvalidParams, match="PIPELINE_DEPLOYMENT"):
        connected.serve("7")
    assert len(api_server[0]) == 1


def test_missing_cluster_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    with pytest.raises(InvalidParams, match="no cluster is configured"):
        KubernetesRollout.connect(SETTINGS, Held())
