"""The API as a process: gunicorn, workers, two ports, TLS, signals."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from espalier.local.certificates import write_certificates
from services.api import __main__ as entry
from services.api.users import open_user_store


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def registered(mlflow, tmp_path_factory, keys, contract, reference, bundle_metrics, lineage, booster):
    """The small model as the champion of a name."""
    import mlflow as package

    from espalier.bundle import load_private_key, sign_bundle, write_bundle

    folder = tmp_path_factory.mktemp("bundle")
    parts = {"contract": contract, "reference": reference, "metrics": bundle_metrics, "lineage": lineage}
    write_bundle(folder, model=bytes(booster.save_raw("ubj")), **parts)
    sign_bundle(folder, load_private_key(keys.private))
    client = package.MlflowClient(tracking_uri=mlflow.uri)
    run_id = client.create_run(client.create_experiment("process")).info.run_id
    client.log_artifacts(run_id, str(folder), "bundle")
    client.create_registered_model("process")
    source = f"{client.get_run(run_id).info.artifact_uri}/bundle"
    version = client.create_model_version("process", source, run_id, tags={"gate": "passed"}).version
    client.set_registered_model_alias("process", "champion", version)
    return "process"


@pytest.fixture
def environment(registered, mlflow, keys, tmp_path):
    write_certificates(ca=tmp_path / "ca.pem", certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    return {
        "API_PORT": str(free_port()),
        "API_METRICS_PORT": str(free_port()),
        "API_METRICS_DIR": str(tmp_path / "metrics"),
        "API_WORKERS": "2",
        "API_TLS_CERT_FILE": str(tmp_path / "cert.pem"),
        "API_TLS_KEY_FILE": str(tmp_path / "key.pem"),
        "API_DATABASE_URL": f"sqlite:///{tmp_path}/users.db",
        "API_JWT_SIGNING_KEY_FILE": str(keys.private),
        "API_MLFLOW_TRACKING_URI": mlflow.uri,
        "API_MODEL_NAME": registered,
        "API_MODEL_PUBLIC_KEY_FILES": str(keys.public),
        "API_MODEL_CACHE_DIR": str(tmp_path / "cache"),
        "API_HASH_MEMORY_KIB": "12288",
        "API_REGISTRY_RETRIES": "0",
    }


@pytest.fixture
def start(environment):
    started = []

    def run(**changes):
        merged = {**os.environ, **environment, **changes}
        command = [sys.executable, "-m", "services.api"]
        started.append(
            subprocess.Popen(command, env=merged, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return started[-1]

    yield run
    for process in started:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def secure(environment, tmp_path):
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with httpx.Client(base_url=f"https://localhost:{environment['API_PORT']}", verify=context, timeout=10) as client:
        yield client


def wait_until_ready(client, process):
    for _ in range(300):
        if process.poll() is not None:
            pytest.fail(f"the API ended: {process.stdout.read()}")
        try:
            if client.get("/readyz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the API did not come up")


def workers_of(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def scrape(environment):
    """Series → value of a running API."""
    lines = httpx.get(f"http://127.0.0.1:{environment['API_METRICS_PORT']}/metrics").text.splitlines()
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def summed(series, name):
    return sum(value for one, value in series.items() if one.partition("{")[0] == name)


@pytest.fixture
def headers(environment, secure, passwords):
    """Log in once the API is up; a new connection for each request, so that both workers get some."""

    def log_in():
        with closing(open_user_store(environment["API_DATABASE_URL"])) as store:
            store.create("ana", passwords.hash("grafted quince"), ["predict"])
        answer = secure.post("/v1/auth/token", data={"username": "ana", "password": "grafted quince"})
        return {"Authorization": f"Bearer {answer.json()['access_token']}", "Connection": "close"}

    return log_in


def alive_and_busy(environment):
    series = scrape(environment)
    return series["espalier_workers"], series["espalier_requests_in_progress"]


def wait_until(holds):
    for _ in range(100):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("it never came to be so")


PREDICT = '{handler="/v1/predict",method="POST"'


def test_two_workers_count_every_row_once_through_the_death_of_one(start, secure, environment, contract, gone, headers):
    process = start()
    wait_until_ready(secure, process)
    asked = {**headers(), "X-Request-ID": "from-the-client"}

    def predict(number):
        for _ in range(number):
            answer = secure.post("/v1/predict", json={"rows": [contract.example] * 3}, headers=asked)
            assert (answer.status_code, answer.headers["x-request-id"]) == (200, "from-the-client")

    def counted():
        series = scrape(environment)
        rows, scores = (summed(series, f"espalier_{name}_total") for name in ("predictions", "score_bin"))
        return rows, scores, series[f'http_requests_total{PREDICT},status="2xx"}}']

    predict(20)
    assert counted() == (60, 60, 20)

    victim = workers_of(process)[0]
    os.kill(victim, signal.SIGKILL)
    assert gone(victim)
    wait_until_ready(secure, process)
    predict(10)
    assert counted() == (90, 90, 30)

    children = workers_of(process)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert all(gone(pid) for pid in children)
    assert printed.count('"request_id": "from-the-client"') == 30
    assert asked["Authorization"].split()[1] not in printed
    assert "grafted quince" not in printed


def test_only_the_living_are_workers_and_have_requests_in_progress(start, secure, environment, gone, headers, tmp_path):
    process = start()
    wait_until_ready(secure, process)
    asked = headers()
    wait_until(lambda: alive_and_busy(environment) == (2, 0))
    victim, other = workers_of(process)
    head = "".join(f"{name}: {value}\r\n" for name, value in {**asked, "Host": "localhost"}.items())
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))

    os.kill(other, signal.SIGSTOP)  # so that the victim takes the connection
    with (
        socket.create_connection(("localhost", int(environment["API_PORT"]))) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        kind = "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n"
        connection.sendall(f"POST /v1/predict HTTP/1.1\r\n{head}{kind}".encode())
        wait_until(lambda: alive_and_busy(environment) == (2, 1))
        os.kill(victim, signal.SIGKILL)
        assert gone(victim)
    os.kill(other, signal.SIGCONT)

    wait_until(lambda: alive_and_busy(environment) == (2, 0) and victim not in workers_of(process))


def test_requests_stand_at_zero_and_no_worker_adds_a_series_not_even_one_that_comes_later(
    start, secure, environment, gone
):
    process = start()
    wait_until_ready(secure, process)

    def requests():
        return {one: value for one, value in scrape(environment).items() if one.startswith("http_request")}

    first = requests()
    assert set(first.values()) == {0}
    assert first[f'http_requests_total{PREDICT},status="5xx"}}'] == 0
    assert first['http_request_duration_seconds_bucket{handler="/v1/predict",le="0.1",method="POST"}'] == 0

    for _ in range(20):
        secure.post("/v1/predict", headers={"Connection": "close"})
    os.kill(victim := workers_of(process)[0], signal.SIGKILL)
    assert gone(victim)
    wait_until_ready(secure, process)
    for _ in range(5):
        secure.get("/nowhere", headers={"Connection": "close"})

    last = requests()
    assert set(last) == set(first)
    assert last[f'http_requests_total{PREDICT},status="4xx"}}'] == 20
    assert last[f"http_request_duration_seconds_count{PREDICT}}}"] == 20
    assert last['http_requests_total{handler="none",method="GET",status="4xx"}'] == 5
    assert summed(last, "http_requests_total") == 25


class Wire:
    """A way to a server that can be made to swallow whatever is sent."""

    def __init__(self, uri):
        self._to = urlsplit(uri)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.is_cut, self._kept = False, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            self._kept.append(near)
            if not self.is_cut:
                far = socket.create_connection((self._to.hostname, self._to.port))
                self._kept.append(far)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source, sink):
        own = self.uri.removeprefix("http://").encode()
        with suppress(OSError):
            while content := source.recv(65536):
                sink.sendall(content.replace(own, self._to.netloc.encode()))  # MLflow looks at the host's name
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        for one in (self._listening, *self._kept):
            one.close()


@pytest.fixture
def wire(mlflow):
    with closing(Wire(mlflow.uri)) as made:
        yield made


def test_parent_watches_its_neighbours_and_one_that_swallows_questions_disturbs_nothing(
    start, secure, environment, contract, gone, headers, wire
):
    quick = {"API_WATCH_INTERVAL_SECONDS": "1", "API_WATCH_JITTER_SECONDS": "0", "API_WATCH_TIMEOUT_SECONDS": "1"}
    process = start(API_MLFLOW_TRACKING_URI=wire.uri, **quick)
    wait_until_ready(secure, process)
    asked = headers()

    def up():
        series = scrape(environment)
        names = ("mlflow", "artifacts", "database")
        return [series.get(f'espalier_dependency_up{{dependency="{name}"}}') for name in names]

    wait_until(lambda: up() == [1, 1, 1])
    known = {one: value for one, value in scrape(environment).items() if one.startswith("espalier_registry_")}
    assert known['espalier_registry_alias_version{alias="champion"}'] == 1
    assert known['espalier_registry_versions{gate="passed"}'] == 1
    assert 0 < time.time() - known["espalier_registry_newest_version_timestamp_seconds"] < 600

    wire.is_cut = True
    wait_until(lambda: up() == [0, 0, 1])
    for _ in range(2):  # in the middle of a question, most likely
        victim = workers_of(process)[0]
        os.kill(victim, signal.SIGKILL)
        assert gone(victim)
        wait_until(lambda: alive_and_busy(environment) == (2, 0))
    for _ in range(10):
        answer = secure.post("/v1/predict", json={"rows": [contract.example]}, headers=asked)
        assert (answer.status_code, answer.elapsed.total_seconds() < 1) == (200, True)
    assert known.items() <= scrape(environment).items()

    wire.is_cut = False
    wait_until(lambda: up() == [1, 1, 1])
    wire.is_cut = True
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert (process.returncode, time.monotonic() - begun < 5) == (0, True)


def test_certificate_is_needed_to_be_trusted(start, secure, environment):
    wait_until_ready(secure, start(API_WORKERS="1"))

    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://localhost:{environment['API_PORT']}/readyz")


def run_main(monkeypatch, environment, capsys, *arguments):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["services.api", *arguments])
    monkeypatch.setattr(entry.logging.config, "dictConfig", lambda _config: None)  # it would outlive the test
    try:
        entry.main()
    except SystemExit as end:
        return end.code, capsys.readouterr().err
    return 0, capsys.readouterr().err


def test_migrate_makes_the_tables_and_ends(monkeypatch, environment, capsys, tmp_path):
    code, printed = run_main(monkeypatch, environment, capsys, "migrate")

    assert (code, printed) == (0, "")
    assert (tmp_path / "users.db").exists()


AWAY = {"API_DATABASE_URL": "postgresql+psycopg://ana:a%20secret@127.0.0.1:1/x"}


def test_migrate_says_that_the_database_is_away(monkeypatch, environment, capsys):
    code, printed = run_main(monkeypatch, environment | AWAY, capsys, "migrate")
    tolerated, told = run_main(monkeypatch, environment | AWAY, capsys, "migrate", "--tolerate-absence")

    assert (code, tolerated) == (2, 0)
    assert "refused" in printed and told.startswith("not migrated yet: ")
    assert "a%20secret" not in printed + told and "a secret" not in printed + told


def test_without_its_database_it_starts_and_only_logins_are_refused(start, secure, environment, gone):
    process = start(API_WORKERS="1", **AWAY)
    wait_until_ready(secure, process)
    children = workers_of(process)

    login = secure.post("/v1/auth/token", data={"username": "ana", "password": "grafted quince"})

    assert login.status_code == 503
    assert secure.get("/.well-known/jwks.json").status_code == 200
    assert len(children) == 2, "a worker, and what waits for the database"
    secure.close()  # over TLS an open connection is given until the end of the grace to say goodbye
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=30)
    assert all(gone(pid) for pid in children)
    assert "a%20secret" not in printed


def test_told_to_end_it_serves_on_for_a_while_and_keeps_no_connection(start, secure, environment):
    process = start(API_DRAIN_SECONDS="4")
    wait_until_ready(secure, process)
    assert "connection" not in secure.get("/healthz").headers

    process.send_signal(signal.SIGTERM)
    while secure.get("/readyz").status_code == 200:
        time.sleep(0.01)
    answers = [secure.get(path) for path in ("/readyz", "/healthz", "/.well-known/jwks.json")]

    assert [answer.status_code for answer in answers] == [503, 200, 200]
    assert {answer.headers["connection"] for answer in answers} == {"close"}, "and each came on a new connection"
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert '"message": "draining"' in printed


@pytest.mark.parametrize("port", ["API_PORT", "API_METRICS_PORT"])
def test_port_that_is_taken_is_said(monkeypatch, environment, capsys, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]

        code, printed = run_main(monkeypatch, environment | {port: str(number)}, capsys)

    assert code == 2
    assert printed.startswith(f"the API does not start: port {number} on 127.0.0.1 cannot be used")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"API_JWT_SIGNING_KEY_FILE": "/nowhere/jwt.pem"}, "make a pair with: espalier keys"),
        ({"API_MODEL_NAME": "nobody"}, "registry has no model nobody"),
        ({"API_MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}, "is it running"),
        ({"API_WORKERS": "none"}, "API_WORKERS: Input should be a valid integer"),
        ({"API_TLS_KEY_FILE": "/nowhere/key.pem"}, "HTTPS cannot be spoken"),
        ({"API_MODEL_PUBLIC_KEY_FILES": "/nowhere/model.pem"}, "bundles cannot be verified: cannot read the key"),
        ({"API_MODEL_CACHE_DIR": "/dev/null/cache"}, "(API_MODEL_CACHE_DIR): Not a directory"),
        ({"API_METRICS_DIR": "/dev/null/metrics"}, "(API_METRICS_DIR): Not a directory"),
        ({"API_DATABASE_URL": "sqlite:////dev/null/users.db"}, "/dev/null/users.db cannot be used"),
        ({"API_DATABASE_URL": "a secret"}, "API_DATABASE_URL is no URL of a database"),
        ({"API_DATABASE_URL": "nosuch://ana:a%20secret@here/x"}, "API_DATABASE_URL is no URL of a database"),
        ({"API_DATABASE_URL": "mysql+pymysql://ana:a%20secret@here/x"}, "No module named"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(monkeypatch, environment, capsys, change, said):
    code, printed = run_main(monkeypatch, environment | change, capsys)

    assert code == 2
    assert said in printed
    assert printed.count("\n") == 1
    assert "Traceback" not in printed
    assert "a secret" not in printed
    assert "a%20secret" not in printed


def test_bundle_that_is_refused_has_an_exit_code_of_its_own(monkeypatch, environment, capsys, other_keys):
    change = {"API_MODEL_PUBLIC_KEY_FILES": str(other_keys.public)}

    code, printed = run_main(monkeypatch, environment | change, capsys)

    assert code == 3
    assert "is refused (untrusted_signature)" in printed
    assert printed.count("\n") == 1


def test_counts_of_before_are_removed_and_nothing_else(make_settings, tmp_path):
    (tmp_path / "counter_1.db").write_bytes(b"x")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept.txt").write_text("x")

    entry._metrics_folder(make_settings(metrics_dir=tmp_path))

    assert {path.name for path in tmp_path.iterdir()} >= {"kept", "kept.txt"}
    assert not list(tmp_path.glob("*.db"))
