"""MLflow has no accounts: what the chart leaves of it is one address inside the cluster, for named hosts."""

import pytest

from tests.charts.rendering import only


@pytest.fixture
def environment(default):
    return only(default, "ConfigMap", "espalier-mlflow")["data"]


def test_jobs_are_off(environment):
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_host_names_are_listed_without_a_wildcard(environment):
    hosts = environment["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")

    assert "espalier-mlflow:5000" in hosts
    assert not [host for host in hosts if "*" in host]


def test_service_has_an_address_inside_the_cluster_only(default):
    assert only(default, "Service", "espalier-mlflow")["spec"]["type"] == "ClusterIP"
