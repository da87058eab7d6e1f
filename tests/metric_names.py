"""Every metric that rules and dashboards may read, with the labels that they may select by."""

from __future__ import annotations

from tests.alerts.promtool import all_rules

__all__ = ["API", "recorded", "series"]

TARGET = {"namespace", "pod", "container", "service", "instance", "job", "endpoint"}
"""Labels that every series has from its scrape target."""

API = {
    "http_requests_total": {"handler", "method", "status"},
    "http_request_duration_seconds": {"handler", "method"},
    "espalier_predictions_total": {"model_version", "label"},
    "espalier_predict_seconds": set(),
    "espalier_workers": set(),
    "espalier_requests_in_progress": set(),
    "espalier_model_info": {"name", "version", "run_id"},
    "espalier_model_source": {"source"},
    "espalier_model_evaluator": {"evaluator", "reason"},
    "espalier_model_trained_timestamp_seconds": set(),
    "espalier_model_data_until_timestamp_seconds": set(),
    "espalier_model_test_metric": {"metric"},
    "espalier_feature_bin_total": {"model_version", "feature", "bin"},
    "espalier_feature_reference_share": {"model_version", "feature", "bin"},
    "espalier_score_bin_total": {"model_version", "bin"},
    "espalier_score_reference_share": {"model_version", "bin"},
    "espalier_auth_failures_total": {"reason"},
    "espalier_rejected_requests_total": {"reason"},
    "espalier_overload_refusals_total": {"queue"},
    "espalier_connections_refused_total": {"reason"},
    "espalier_feedback_total": {"model_version", "label", "predicted"},
    "espalier_feedback_log_loss_total": {"model_version"},
    "espalier_feedback_squared_error_total": {"model_version"},
    "espalier_feedback_score_bin_total": {"model_version", "bin", "label"},
    "espalier_feedback_rows_total": {"model_version"},
    "espalier_feedback_absolute_error_total": {"model_version"},
    "espalier_feedback_inside_interval_total": {"model_version"},
    "espalier_feature_natural_psi": {"model_version", "feature"},
    "espalier_feature_natural_missing_share": {"model_version", "feature"},
    "espalier_score_natural_psi": {"model_version"},
    "espalier_label_reference_share": {"model_version", "label"},
    "espalier_explained_rows_total": set(),
    "espalier_shap_abs_sum_total": {"feature"},
    "espalier_reference_shap_abs_mean": {"feature"},
    "espalier_dependency_up": {"dependency"},
    "espalier_waiting_for_model": set(),
    "espalier_registry_alias_version": {"alias"},
    "espalier_registry_versions": {"gate"},
    "espalier_registry_newest_version": {"gate"},
    "espalier_registry_consecutive_rejections": set(),
    "espalier_registry_failed_rollouts": set(),
    "espalier_registry_newest_version_timestamp_seconds": set(),
    "espalier_max_age_seconds": {"kind"},
}
"""The API's metrics with their own labels."""

HISTOGRAMS = {"http_request_duration_seconds", "espalier_predict_seconds"}

CLUSTER = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity", "team", "component"},
    # cert-manager
    "certmanager_certificate_expiration_timestamp_seconds": {"name", "exported_namespace"},
    # the kubelet
    "container_cpu_cfs_periods_total": set(),
    "container_cpu_cfs_throttled_periods_total": set(),
    "container_cpu_usage_seconds_total": set(),
    "container_memory_working_set_bytes": set(),
    # kube-state-metrics
    "kube_cronjob_next_schedule_time": {"cronjob"},
    "kube_cronjob_spec_suspend": {"cronjob"},
    "kube_cronjob_status_last_schedule_time": {"cronjob"},
    "kube_cronjob_status_last_successful_time": {"cronjob"},
    "kube_deployment_metadata_generation": {"deployment"},
    "kube_deployment_spec_replicas": {"deployment"},
    "kube_deployment_status_condition": {"deployment", "condition", "status"},
    "kube_deployment_status_observed_generation": {"deployment"},
    "kube_deployment_status_replicas_available": {"deployment"},
    "kube_deployment_status_replicas_unavailable": {"deployment"},
    "kube_deployment_status_replicas_updated": {"deployment"},
    "kube_horizontalpodautoscaler_spec_max_replicas": {"horizontalpodautoscaler"},
    "kube_horizontalpodautoscaler_spec_min_replicas": {"horizontalpodautoscaler"},
    "kube_horizontalpodautoscaler_spec_target_metric": {"horizontalpodautoscaler", "metric_name", "metric_target_type"},
    "kube_horizontalpodautoscaler_status_condition": {"horizontalpodautoscaler", "condition", "status"},
    "kube_horizontalpodautoscaler_status_current_replicas": {"horizontalpodautoscaler"},
    "kube_horizontalpodautoscaler_status_desired_replicas": {"horizontalpodautoscaler"},
    "kube_horizontalpodautoscaler_status_target_metric": {
        "horizontalpodautoscaler",
        "metric_name",
        "metric_target_type",
    },
    "kube_job_failed": {"job_name", "condition"},
    "kube_job_owner": {"job_name", "owner_kind", "owner_name"},
    "kube_job_status_active": {"job_name"},
    "kube_job_status_completion_time": {"job_name"},
    "kube_job_status_failed": {"job_name"},
    "kube_job_status_start_time": {"job_name"},
    "kube_job_status_succeeded": {"job_name"},
    "kube_pod_container_resource_limits": {"resource", "unit"},
    "kube_pod_container_resource_requests": {"resource", "unit"},
    "kube_pod_container_status_last_terminated_exitcode": set(),
    "kube_pod_container_status_ready": set(),
    "kube_pod_container_status_restarts_total": set(),
    "kube_pod_container_status_waiting_reason": {"reason"},
    "kube_statefulset_status_replicas_ready": {"statefulset"},
}
"""Metrics of other exporters that rules and dashboards read."""


def series() -> dict[str, set[str]]:
    """Return every name that can be selected, with its labels."""
    found = {name: labels | TARGET for name, labels in (API | CLUSTER).items() if name not in HISTOGRAMS}
    for name in HISTOGRAMS:
        found[f"{name}_bucket"] = API[name] | TARGET | {"le"}
        found[f"{name}_sum"] = found[f"{name}_count"] = API[name] | TARGET
    return found


def recorded() -> set[str]:
    """Return the names that the rules record."""
    return {rule["record"] for rule in all_rules() if "record" in rule}
