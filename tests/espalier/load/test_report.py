import json

from espalier.load.report import lines, write_report
from espalier.load.verdict import Objectives, judge

OBJECTIVES = Objectives()


def text_of(load, plan):
    return "\n".join(f"{name} {text}" for name, text in lines(judge(load, plan, OBJECTIVES), OBJECTIVES))


def test_report_has_objectives_and_measured_values(sent, plan):
    text = text_of(sent(status={3: 503, 4: 503}, error={3: "full", 4: "full"}), plan)

    assert "availability MISSED: 99.800 % with a response other than 5xx, objective 99.9%" in text
    assert "latency met: 100.000 % within 100 ms, objective 99.0%" in text
    assert "p50 20.0 ms" in text
    assert "2 times full" in text
    assert "10 requests per second requested" in text


def test_miss_is_not_rounded_up_to_the_objective(sent, plan):
    plan = type(plan)(plan.url, rate=1000, seconds=20.5, warm_up_seconds=0, rows=1)

    text = text_of(sent(plan, status=dict.fromkeys(range(21), 503)), plan)

    assert "MISSED: 99.897 %" in text


def test_reasons_for_a_void_result_are_reported(sent, plan):
    load = sent(seconds=dict.fromkeys(range(20), 0.3))
    load.cpu_share = 1.0

    assert "VOID the generator used 100% of a core" in text_of(load, plan)


def test_report_and_plot_are_written(sent, plan, tmp_path):
    load = sent(status={3: 503})

    report, picture = write_report(tmp_path, load.answers, judge(load, plan, OBJECTIVES), OBJECTIVES)

    assert json.loads(report.read_text())["verdict"] == "pass"
    assert report.stem == picture.stem == "2023-11-14T22-13-20Z"
    assert picture.read_bytes().startswith(b"\x89PNG")
