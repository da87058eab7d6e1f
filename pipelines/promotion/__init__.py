"""Bring a version into service: lock, aliases, rollout."""
