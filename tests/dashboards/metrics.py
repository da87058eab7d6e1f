"""Every metric that the dashboards may ask for, with the labels that a query may select it by.

The first group is the API's own, the second the recording rules', the third other people's. A label that Prometheus
adds to everything it scrapes is in TARGET.
"""

from __future__ import annotations


def each(*labels: str, names: tuple[str, ...]) -> dict[str, set[str]]:
    """Several metrics with the same labels."""
    return {name: set(labels) for name in names}


TARGET = frozenset({"namespace", "job", "pod", "container", "service", "instance"})

OF_THE_API: dict[str, set[str]] = {
    "espalier_age_limit_seconds": {"of"},
    "espalier_auth_failures_total": {"reason"},
    "espalier_contribution_abs_total": {"feature"},
    "espalier_dependency_up": {"dependency"},
    "espalier_explained_rows_total": set(),
    "espalier_feature_bin_total": {"model_version", "feature", "bin"},
    "espalier_feature_reference_share": {"model_version", "feature", "bin"},
    "espalier_model_data_until_timestamp_seconds": set(),
    "espalier_model_info": {"name", "version", "run_id"},
    "espalier_model_source": {"source"},
    "espalier_model_test_metric": {"metric"},
    "espalier_model_trained_timestamp_seconds": set(),
    "espalier_outcome_log_loss_total": {"model_version"},
    "espalier_outcome_score_bin_total": {"model_version", "bin", "label"},
    "espalier_outcome_squared_error_total": {"model_version"},
    "espalier_outcomes_total": {"model_version", "label", "predicted"},
    "espalier_predict_seconds_bucket": {"le"},
    "espalier_predict_seconds_count": set(),
    "espalier_predict_seconds_sum": set(),
    "espalier_predictions_total": {"model_version", "label"},
    "espalier_reference_contribution_abs": {"feature"},
    "espalier_registry_alias_version": {"alias"},
    "espalier_registry_failed_rollouts": set(),
    "espalier_registry_newest_version_timestamp_seconds": set(),
    "espalier_registry_rejected_in_a_row": set(),
    "espalier_registry_versions": {"gate"},
    "espalier_rejected_requests_total": {"reason"},
    "espalier_requests_in_progress": set(),
    "espalier_score_bin_total": {"model_version", "bin"},
    "espalier_score_reference_share": {"model_version", "bin"},
    "espalier_workers": set(),
    "http_request_duration_seconds_bucket": {"handler", "method", "le"},
    "http_request_duration_seconds_count": {"handler", "method"},
    "http_request_duration_seconds_sum": {"handler", "method"},
    "http_requests_total": {"handler", "method", "status"},
}

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")

OF_THE_RULES: dict[str, set[str]] = {
    "espalier:feature_bin:increase6h": {"model_version", "feature", "bin"},
    "espalier:feature_live_share:6h": {"model_version", "feature", "bin"},
    "espalier:feature_missing_share:6h": {"model_version", "feature"},
    "espalier:feature_psi:6h": {"model_version", "feature"},
    "espalier:feature_rows:increase6h": {"model_version", "feature"},
    "espalier:http_requests:rate5m": set(),
    "espalier:outcome_accuracy:1d": {"model_version"},
    "espalier:outcome_base_rate_log_loss:1d": {"model_version"},
    "espalier:outcome_log_loss:1d": {"model_version"},
    "espalier:outcome_rows:increase1d": {"model_version"},
    "espalier:rejected_rows_ratio:rate1h": {"reason"},
    "espalier:score_psi:6h": {"model_version"},
    **{f"espalier:http_error_ratio:rate{window}": set() for window in WINDOWS},
    **{f"espalier:predict_slow_ratio:rate{window}": set() for window in WINDOWS},
}

OF_OTHERS: dict[str, set[str]] = {
    "ALERTS": {"alertname", "alertstate", "severity", "team", "component"},
    "up": set(),
    **each(
        names=(
            "container_cpu_cfs_periods_total",
            "container_cpu_cfs_throttled_periods_total",
            "container_cpu_usage_seconds_total",
            "container_memory_working_set_bytes",
            "kube_pod_container_status_last_terminated_exitcode",
            "kube_pod_container_status_restarts_total",
        )
    ),
    "kube_pod_container_status_waiting_reason": {"reason"},
    "kube_pod_container_resource_limits": {"resource", "unit"},
    "kube_pod_container_resource_requests": {"resource", "unit"},
    **each(
        "deployment",
        names=(
            "kube_deployment_spec_replicas",
            "kube_deployment_status_replicas_available",
            "kube_deployment_status_replicas_unavailable",
            "kube_deployment_status_replicas_updated",
        ),
    ),
    "kube_statefulset_status_replicas_ready": {"statefulset"},
    **each(
        "horizontalpodautoscaler",
        names=(
            "kube_horizontalpodautoscaler_spec_max_replicas",
            "kube_horizontalpodautoscaler_spec_min_replicas",
            "kube_horizontalpodautoscaler_status_current_replicas",
            "kube_horizontalpodautoscaler_status_desired_replicas",
        ),
    ),
    **each(
        "horizontalpodautoscaler",
        "metric_name",
        "metric_target_type",
        names=("kube_horizontalpodautoscaler_spec_target_metric", "kube_horizontalpodautoscaler_status_target_metric"),
    ),
    **each(
        "job_name",
        names=(
            "kube_job_status_active",
            "kube_job_status_completion_time",
            "kube_job_status_failed",
            "kube_job_status_start_time",
            "kube_job_status_succeeded",
        ),
    ),
    **each(
        "cronjob",
        names=(
            "kube_cronjob_next_schedule_time",
            "kube_cronjob_spec_suspend",
            "kube_cronjob_status_last_successful_time",
        ),
    ),
}

METRICS = {**OF_THE_API, **OF_THE_RULES, **OF_OTHERS}
