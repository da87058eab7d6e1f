"""Passwords: their rules, their hashes, and codes for new ones."""
