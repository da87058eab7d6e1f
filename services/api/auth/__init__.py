"""Authentication and authorisation: users, passwords, login and its throttle, access tokens."""
