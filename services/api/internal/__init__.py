"""The ports that are never published: metrics for Prometheus, the bundle for other pods."""
