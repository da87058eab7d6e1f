"""``espalier load`` against an API that answers, is slow, fails."""

import json

import pytest

from espalier.load import verdict
from espalier.local.certificates import write_certificates

GENEROUS = verdict.Objectives(limit_seconds=20, late_seconds=20, cpu_share=20, sent_share=0)
"""For a machine that is busy: what is asked is which verdict follows, never how fast this machine is."""


@pytest.fixture
def load(run, fake_api, monkeypatch, tmp_path):
    monkeypatch.setattr(verdict, "OBJECTIVES", GENEROUS)
    monkeypatch.setenv("ESPALIER_PASSWORD", fake_api.password)
    monkeypatch.delenv("ESPALIER_URL", raising=False)
    monkeypatch.delenv("ESPALIER_CACERT", raising=False)

    def call(*arguments, user="ana", rate="20", seconds="1"):
        who = ("--user", user) if user else ()
        wanted = ("--rate", rate, "--seconds", seconds, "--warm-up", "0")
        return run("load", "--url", fake_api.url, "--state", str(tmp_path), *who, *wanted, *arguments)

    return call


@pytest.fixture
def load_anywhere(run, load, tmp_path):
    """Without an address."""
    return lambda *arguments: run(
        "load", "--state", str(tmp_path), "--rate", "20", "--seconds", "1", "--warm-up", "0", *arguments
    )


def test_both_objectives_are_met(load, fake_api, tmp_path):
    """It trusts the authority of make serve by itself."""
    code, out, stderr = load()

    assert code == 0, stderr
    assert "availability" in out
    assert "p99" in out
    assert "Both objectives are met" in stderr
    assert len(fake_api.bodies) == 21
    assert {path.suffix for path in (tmp_path / "load").iterdir()} == {".json", ".png"}


def test_slow_api_misses_the_latency_objective(load, fake_api, monkeypatch):
    monkeypatch.setattr(verdict, "OBJECTIVES", verdict.Objectives(late_seconds=20, cpu_share=20, sent_share=0))
    fake_api.delay_seconds = 0.15

    code, out, stderr = load("--json")

    assert code == 1, stderr
    assert [(promise["name"], promise["holds"]) for promise in json.loads(out)["objectives"]] == [
        ("availability", True),
        ("latency", False),
    ]


@pytest.mark.parametrize("answer", [503, None])
def test_failing_api_misses_the_availability_objective(load, fake_api, answer):
    fake_api.answer = lambda number: answer if number == 7 else 200

    code, out, stderr = load("--json")

    assert code == 1, stderr
    report = json.loads(out)
    assert (report["verdict"], report["requests"], report["failed"]) == ("fail", 20, 1)
    assert "An objective is missed" in stderr


def test_slow_generator_makes_the_result_void(load, fake_api, monkeypatch):
    monkeypatch.setattr(verdict, "OBJECTIVES", verdict.Objectives(late_seconds=0))
    fake_api.delay_seconds = 0.15

    code, out, stderr = load()

    assert code == 3, stderr
    assert "VOID" in out
    assert "result is void" in stderr


def test_rows_and_warm_up_are_sent_as_requested(load, fake_api):
    code, out, stderr = load("--rows", "3", "--warm-up", "0.5", "--json")

    assert code == 0, stderr
    assert json.loads(out)["requests"] == 20
    assert len(fake_api.bodies) == 31
    assert {len(json.loads(body)["rows"]) for body in fake_api.bodies} == {3}


def test_password_of_the_evaluation_cluster_is_found(load, fake_api, monkeypatch, tmp_path):
    monkeypatch.delenv("ESPALIER_PASSWORD")
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster/password").write_text(fake_api.password)

    code, _, stderr = load(user="")

    assert code == 0, stderr


def test_password_comes_from_a_file(load, fake_api, monkeypatch, tmp_path):
    monkeypatch.delenv("ESPALIER_PASSWORD")
    (tmp_path / "secret").write_text(f"{fake_api.password}\n")

    assert load("--password-file", str(tmp_path / "secret"))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--rate", "100000"), "Invalid value"),
        (("--rate", "0"), "Invalid value"),
        (("--rate", "nan"), "Invalid value"),
        (("--seconds", "100000"), "Invalid value"),
        (("--rate", "2000", "--seconds", "3600"), "more than 1,000,000 requests"),
        (("--request", "nowhere.json"), "nowhere.json"),
        (("--password-file", "nowhere"), "password of ana"),
        (("--cacert", "nowhere.pem"), "nowhere.pem not found"),
        (("--url", "https://localhost:1"), "did not answer"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_error_has_its_own_exit_code(load, fake_api, arguments, reason):
    code, _, stderr = load(*arguments)

    assert code == 2
    assert reason in stderr
    assert "Traceback" not in stderr
    assert fake_api.bodies == []


def test_untrusted_certificate_is_explained(load, fake_api, tmp_path):
    write_certificates(ca=tmp_path / "other.pem", certificate=tmp_path / "c.pem", key=tmp_path / "c.key")

    code, _, stderr = load("--cacert", str(tmp_path / "other.pem"))

    assert code == 2
    assert "with --cacert" in " ".join(stderr.split())


def test_user_is_required(load):
    code, _, stderr = load(user="")

    assert code == 2
    assert "make load USER=NAME PASSWORD_FILE=FILE" in stderr
    assert "espalier users create NAME" in stderr


def test_api_of_make_up_is_found_with_its_user(load_anywhere, fake_api, monkeypatch, tmp_path):
    monkeypatch.delenv("ESPALIER_PASSWORD")
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster/password").write_text(fake_api.password)
    (tmp_path / "cluster/url").write_text(f"{fake_api.url}\n")

    code, _, stderr = load_anywhere()

    assert code == 0, stderr
    assert fake_api.url in stderr


def test_other_user_calls_the_api_of_make_serve(load_anywhere, fake_api, tmp_path):
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster/url").write_text(fake_api.url)

    code, _, stderr = load_anywhere("--user", "ana")

    assert code == 2
    assert "https://localhost:8443" in stderr


def test_password_is_required_without_a_terminal(load, monkeypatch):
    monkeypatch.delenv("ESPALIER_PASSWORD")

    code, _, stderr = load()

    assert code == 2
    assert "PASSWORD_FILE" in stderr


def test_rejected_request_is_reported_before_any_load(load, fake_api, monkeypatch):
    fake_api.answer = lambda _: 422
    code, _, stderr = load()
    assert (code, len(fake_api.bodies)) == (2, 1)
    assert "422" in stderr

    monkeypatch.setenv("ESPALIER_PASSWORD", "wrong")
    code, _, stderr = load()
    assert (code, len(fake_api.bodies)) == (2, 1)
    assert "name or password is wrong" in stderr


def test_unwritable_report_is_reported_before_any_load(load, fake_api, tmp_path):
    (tmp_path / "load").write_text("a file")

    code, _, stderr = load()

    assert code == 2
    assert "the load did not start" in stderr
    assert len(fake_api.bodies) == 1
