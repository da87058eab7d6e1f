"""Promote a version: lock, aliases, rollout."""
