"""The prediction API: one verified model, served over HTTPS to authenticated callers.

Reads:  a signed bundle from the MLflow registry, users from SQL.
Gives:  predictions, and the metrics behind the alerts and dashboards.
Never:  trains, writes to the registry.
"""
