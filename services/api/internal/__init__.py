"""The internal ports, which are never published: metrics for Prometheus, the bundle for other pods."""
