"""Logins: the check of a password, its rate limit, and the sessions that go on from there."""
