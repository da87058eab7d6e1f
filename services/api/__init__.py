"""The prediction API: one verified model, served over HTTPS to authenticated callers.

Reads:  a signed bundle from the MLflow registry, users from SQL.
Gives:  predictions, and the metrics that alerts and dashboards are made of.
Never:  trains, writes to the registry.
"""
