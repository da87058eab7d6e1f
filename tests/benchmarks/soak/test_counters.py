import pytest

from benchmarks.soak.counters import compare, count_lines, expected, requests_of, summed
from benchmarks.soak.sending import Answered

SCRAPE = """# HELP http_requests_total Requests.
http_requests_total{handler="/v1/predict",method="POST",status="2xx"} 90.0
http_requests_total{handler="/v1/predict",method="POST",status="4xx"} 10.0
http_requests_total{handler="/v1/predict",method="other",status="4xx"} 0.0
http_requests_total{handler="/v1/auth/token",method="POST",status="2xx"} 3.0
http_request_duration_seconds_count{handler="/v1/predict",method="POST"} 100.0
http_request_duration_seconds_sum{handler="/v1/predict",method="POST"} 1.5
espalier_predictions_total{label="a",model_version="1"} 50.0
espalier_predictions_total{label="b",model_version="1"} 40.0
espalier_rejected_requests_total{reason="wrong_type"} 10.0
espalier_feature_bin_total{bin="0",feature="x0",model_version="1"} 45.0
espalier_feature_bin_total{bin="1",feature="x0",model_version="1"} 45.0
espalier_score_bin_total{bin="0",model_version="1"} 90.0
espalier_predict_seconds_count 90.0
process_open_fds 7.0
"""

ANSWERS = [Answered({200: 60, 422: 5}, 0, 1.0), Answered({200: 30, 422: 5}, 0, 1.0)]


def test_metrics_of_predictions_are_summed():
    assert summed(SCRAPE) == {
        "http_requests_total 2xx": 90,
        "http_requests_total 4xx": 10,
        "http_request_duration_seconds_count": 100,
        "espalier_predictions_total": 90,
        "espalier_rejected_requests_total": 10,
        "espalier_feature_bin_total x0": 90,
        "espalier_score_bin_total": 90,
        "espalier_predict_seconds_count": 90,
    }
    assert requests_of(summed(SCRAPE)) == 100


def test_exact_counters_do_not_differ():
    before = dict.fromkeys(summed(SCRAPE), 7)
    after = {name: value + 7 for name, value in summed(SCRAPE).items()}

    assert compare(before, after, ANSWERS) == {}


@pytest.mark.parametrize("name", list(summed(SCRAPE)))
def test_one_lost_count_is_found_in_every_counter(name):
    after = summed(SCRAPE)
    right = after[name]
    after[name] -= 1

    assert compare({}, after, ANSWERS) == {name: (right - 1, right)}


def test_other_statuses_are_expected_in_their_class():
    answers = [Answered({503: 4, 401: 2}, 0, 1.0)]
    names = ["http_requests_total 4xx", "http_requests_total 5xx", "espalier_predictions_total"]

    assert expected(answers, dict.fromkeys(names, 0)) == dict(zip(names, (2, 4, 0), strict=True))


def test_lines_about_predictions_are_counted(tmp_path):
    log = tmp_path / "log"
    line = '{"message":"request","route":"%s"}\n'
    log.write_text(line % "/v1/predict" * 3 + line % "/v1/auth/token" + '{"message":"serving"}\nnot JSON\n')

    assert count_lines(log) == 3
