"""Who calls, and what they may do: users, passwords, login and its throttle, access tokens."""
